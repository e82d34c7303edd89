package status

import (
	"strconv"
	"strings"
)

func job(o *object) verdict {
	succeeded, active := o.count(o.stat, "succeeded", 0), o.count(o.stat, "active", 0)
	fell := o.count(o.stat, "failed", 0)
	message := strconv.FormatInt(succeeded, 10) + " succeeded, " + strconv.FormatInt(active, 10) + " active, " + strconv.FormatInt(fell, 10) + " failed"
	if c := o.condition("Failed"); c.is("True") {
		return failed(reasonOr(c.reason, "JobFailed"), c.message)
	}
	switch {
	case o.condition("Complete").is("True"):
		return current(message)
	case o.condition("FailureTarget").is("True"):
		return progress("JobFailing", o.condition("FailureTarget").message)
	case o.condition("Suspended").is("True"):
		return progress("JobSuspended", o.condition("Suspended").message)
	case o.text(o.stat, "startTime", "") == "":
		return progress("JobNotStarted", "not started")
	}
	return progress("JobRunning", message)
}

func service(o *object) verdict {
	if o.text(o.spec, "type", "") != "LoadBalancer" {
		return current("needs no load balancer")
	}
	if o.text(o.spec, "clusterIP", "") == "" {
		return progress("NoIPAssigned", "no cluster IP")
	}
	return balancer(o)
}

// balancer counts the addresses of a Service or an Ingress.
func balancer(o *object) verdict {
	addresses := 0
	for _, entry := range o.list(o.child(o.stat, "loadBalancer"), "ingress") {
		m, ok := entry.(map[string]any)
		if !ok {
			o.wrong("loadBalancer.ingress", "not a list of objects")
		}
		if o.text(m, "ip", "") != "" || o.text(m, "hostname", "") != "" {
			addresses++
		}
	}
	if addresses == 0 {
		return progress("NoAddress", "the load balancer has no address")
	}
	return current(strconv.Itoa(addresses) + " load balancer addresses")
}

func claim(o *object) verdict {
	switch phase := o.text(o.stat, "phase", ""); phase {
	case "Bound":
		return current("bound")
	case "Lost":
		return failed("Lost", "the volume is lost")
	default:
		return progress("NotBound", "phase "+phase)
	}
}

func budget(o *object) verdict {
	if c := o.condition("DisruptionAllowed"); c.reason == "SyncFailed" {
		return failed(c.reason, c.message)
	}
	return current(strconv.FormatInt(o.count(o.stat, "disruptionsAllowed", 0), 10) + " disruptions allowed")
}

func definition(o *object) verdict {
	names, established := o.condition("NamesAccepted"), o.condition("Established")
	switch {
	case names.is("False"):
		return failed(reasonOr(names.reason, "NamesNotAccepted"), names.message)
	case established.is("False") && established.reason != "Installing":
		return failed(reasonOr(established.reason, "NotEstablished"), established.message)
	case established.is("True"):
		return current("established")
	}
	return progress("Installing", established.message)
}

func pod(o *object) verdict {
	switch phase := o.text(o.stat, "phase", ""); phase {
	case "Succeeded":
		return current("succeeded")
	case "Failed":
		return failed(reasonOr(o.text(o.stat, "reason", ""), "PodFailed"), o.text(o.stat, "message", ""))
	case "Running":
		if o.condition("Ready").is("True") {
			return current("ready")
		}
		if v := blocked(o); v.found() {
			return v
		}
		return progress("PodNotReady", o.condition("Ready").message)
	case "Pending":
		// Not a failure: an autoscaler may be about to add a node, and only a clock could tell.
		if c := o.condition("PodScheduled"); c.is("False") {
			return progress(reasonOr(c.reason, "PodNotScheduled"), c.message)
		}
		if v := blocked(o); v.found() {
			return v
		}
		return progress("PodPending", "pending")
	case "":
		return progress("PodNotObserved", "no phase yet")
	default:
		return verdict{HealthUnknown, "PodPhase" + reasonOr(phase, "Other"), o.text(o.stat, "reason", "")}
	}
}

// blocked finds a container that will not start without help, else one that is about to.
func blocked(o *object) verdict {
	var soon verdict
	for _, key := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, entry := range o.list(o.stat, key) {
			status, ok := entry.(map[string]any)
			if !ok {
				o.wrong(key, "not a list of objects")
			}
			wait := o.child(o.child(status, "state"), "waiting")
			reason := o.text(wait, "reason", "")
			message := "container " + o.text(status, "name", "")
			switch {
			case reason == "":
			case strings.HasSuffix(reason, "BackOff"), reason == "InvalidImageName", reason == "ErrImageNeverPull":
				return failed(reasonOr(reason, "ContainerWaiting"), message)
			case !soon.found():
				soon = progress(reasonOr(reason, "ContainerWaiting"), message)
			}
		}
	}
	return soon
}
