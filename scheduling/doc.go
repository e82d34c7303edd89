// Package scheduling divides a number of replicas among named targets.
//
// A [Target] is a cluster as numbers: a weight, bounds, room, and what runs there already. A [Strategy] turns a
// [Request] and the targets into one [Share] each, with the [Bound] that stopped it, and says in Unplaced how many
// replicas nobody could take. Everything here is a pure function of its arguments: no clock, no client, no state, and
// nothing but the standard library. Equal input gives equal output in every process; the order of the targets decides
// nothing but the order of the shares. Arguments are never changed, and all functions may be called concurrently.
//
//   - [Weighted] divides by weight; [Packed] uses few targets; [Even] spreads over domains first.
//   - One number for each target, or the same for all, is a Min that is also the Max, divided by Weighted.
//   - [Sets] keeps the parts of a workload together; [Follow] divides another number in proportion to a division.
//   - [Steps] leads from one division to another; [Memory] remembers which targets were full; [WeightsFromCapacity] turns
//     estimates into weights; [Explain] says why.
//
// # Method
//
// Weighted hands each next replica to the target with the largest Weight / (2·have + 1) among those below their ceiling.
// This is Webster's method, also called Sainte-Laguë: every share that no bound stops is round(Weight·λ) for one common
// λ. Bounds:
//
//		ceiling = min(Max, Capacity, and Current if NoGrowth)
//		floor   = min(Min, ceiling)
//		keep    = min(Current, ceiling), where an unknown Current counts as none
//
//	  - With Rebalance everyone starts at floor. When the floors do not fit, they are filled one after the other, the
//	    heaviest first.
//	  - Without Rebalance, and no more replicas wanted than the sum of keep: the same, with floor and ceiling cut to
//	    keep. What the weighted targets cannot take stays on targets of weight 0, up to keep.
//	  - Without Rebalance, and more wanted: everyone starts at keep. New replicas first raise targets to their floor,
//	    the heaviest first; the rest goes by weight.
//
// Tiers order only the part that goes by weight: a tier gets nothing before those below it are at their ceilings.
// Among equals, replicas that run already come first, then the order of a 64-bit hash of Key and Name, then Name.
//
// Comparisons are exact, in 128-bit integers, for weights of any size and up to 2^60 replicas. The cost grows with the
// number of targets only: λ is searched for, and what becomes due around it is sorted out replica by replica.
//
// # Guarantees
//
//   - Shares and Unplaced add up to Replicas; no share exceeds its ceiling; every share is at least its floor (without
//     Rebalance: at least keep as well) when all of these fit.
//   - Without Rebalance the total never falls below the lesser of Replicas and what the targets keep, and no target falls
//     below what it keeps while another rises above its Current.
//   - House monotone: one more replica takes none away, with and without Rebalance, for the same Current. This is claimed
//     for Weighted and Even.
//   - A larger weight lowers neither its own share nor raises another's; more capacity lowers neither its own share nor
//     the total.
//   - Dividing again from the result changes nothing.
//   - With Rebalance no equally fair division moves fewer replicas.
//   - Without bounds, no transfer of one replica between two targets brings both nearer to their quotas, that is to
//     Replicas·Weight/ΣWeight.
//
// What Webster's method does not guarantee is to stay within quota: a share may differ from it by more than one. The
// weights 158, 1, 1, 1 over 79 replicas give 79, 0, 0, 0, though the quota of the first is 77.5. With at most three targets
// and no bounds this never happens. It is the price of monotony: no method stays within quota and never moves a replica
// from a target whose weight grows to one whose weight shrinks. Of those that never do, Webster's is the only one with the
// property about transfers above, and favours neither heavy nor light targets; see M. L. Balinski and H. P. Young, Fair
// Representation: Meeting the Ideal of One Man, One Vote (1982).
package scheduling
