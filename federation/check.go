package federation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxSize is how many bytes of JSON, as the digest's encoder estimates them, an API server keeps of one object.
const maxSize = 1_500_000

// check finds what no server would take, before anything is sent: an object that is too large, and items of keyed lists
// that have the same key.
func check(gk schema.GroupKind, doc map[string]any, size int) error {
	if size > maxSize {
		return fmt.Errorf("%w: %d bytes are more than a server keeps (%d)", ErrInvalid, size, maxSize)
	}
	switch gk.Group {
	case "apps", "batch":
		return duplicates(doc, "")
	case "":
		if gk.Kind == "Service" {
			spec, _ := doc["spec"].(map[string]any)
			return duplicate(spec, "ports", "/spec", "port", "protocol")
		}
		if gk.Kind == "Pod" || gk.Kind == "ReplicationController" {
			return duplicates(doc, "")
		}
	}
	return nil
}

// duplicates looks at the keyed lists of every pod spec below.
func duplicates(doc map[string]any, path string) error {
	for key, v := range doc {
		child, ok := v.(map[string]any)
		if !ok {
			continue
		}
		if err := duplicates(child, path+"/"+key); err != nil {
			return err
		}
	}
	if err := duplicate(doc, "volumes", path, "name", ""); err != nil {
		return err
	}
	for _, field := range []string{"containers", "initContainers"} {
		if err := duplicate(doc, field, path, "name", ""); err != nil {
			return err
		}
		list, _ := doc[field].([]any)
		for _, item := range list {
			c, _ := item.(map[string]any)
			at := fmt.Sprintf("%s/%s[name=%v]", path, field, c["name"])
			for _, keyed := range [][3]string{{"env", "name", ""}, {"ports", "containerPort", "protocol"}, {"volumeMounts", "mountPath", ""}} {
				if err := duplicate(c, keyed[0], at, keyed[1], keyed[2]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// duplicate reports two items of a list with the same key; a protocol that is left out is TCP.
func duplicate(doc map[string]any, field, path string, key ...string) error {
	list, _ := doc[field].([]any)
	seen := make(map[[2]any]int, len(list))
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok || m[key[0]] == nil {
			continue
		}
		id := [2]any{fmt.Sprint(m[key[0]]), nil}
		if key[1] != "" {
			if id[1] = "TCP"; m[key[1]] != nil {
				id[1] = fmt.Sprint(m[key[1]])
			}
		}
		if first, twice := seen[id]; twice {
			return fmt.Errorf("%w: %s/%s/%d has the key of item %d: %v", ErrInvalid, path, field, i, first, id[0])
		}
		seen[id] = i
	}
	return nil
}
