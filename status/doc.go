// Package status folds what happened in each cluster into one status.
package status
