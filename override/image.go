package override

import (
	"fmt"
	"strings"
)

// Image names parts of an image reference, registry/repository:tag@digest. An empty part stays as it is; "-" removes a
// registry, tag or digest.
//
// A new tag drops the old digest and a new digest the old tag, unless both are given: the other one named other content.
// A new registry or repository keeps both. The first segment is a registry when it holds a dot, a colon or a capital, or
// is localhost; nothing is added to short names such as nginx.
type Image struct {
	Registry   string `json:"registry,omitempty"`
	Repository string `json:"repository,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"`
}

func parseImage(ref string) Image {
	var i Image
	rest, digest, _ := strings.Cut(ref, "@")
	i.Digest = digest
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		rest, i.Tag = rest[:colon], rest[colon+1:]
	}
	if first, after, ok := strings.Cut(rest, "/"); ok && isRegistry(first) {
		i.Registry, rest = first, after
	}
	i.Repository = rest
	return i
}

func isRegistry(segment string) bool {
	return strings.ContainsAny(segment, ".:") || segment == "localhost" || segment != strings.ToLower(segment)
}

func (i Image) reference() string {
	var b strings.Builder
	if i.Registry != "" {
		b.WriteString(i.Registry + "/")
	}
	b.WriteString(i.Repository)
	if i.Tag != "" {
		b.WriteString(":" + i.Tag)
	}
	if i.Digest != "" {
		b.WriteString("@" + i.Digest)
	}
	return b.String()
}

// edit puts the parts of i in the place of those of the reference.
func (i Image) edit(ref string) (string, error) {
	out := parseImage(ref)
	if i.Tag != "" && i.Digest == "" {
		out.Digest = ""
	}
	if i.Digest != "" && i.Digest != "-" && i.Tag == "" {
		out.Tag = ""
	}
	for _, part := range []struct {
		old *string
		new string
	}{{&out.Registry, i.Registry}, {&out.Repository, i.Repository}, {&out.Tag, i.Tag}, {&out.Digest, i.Digest}} {
		switch part.new {
		case "":
		case "-":
			*part.old = ""
		default:
			*part.old = part.new
		}
	}
	if out.Repository == "" {
		return "", fmt.Errorf("%w: an image without a repository", ErrNotFound)
	}
	return out.reference(), nil
}

// validate checks the parts that are given by the grammar that container runtimes share.
func (i Image) validate() error {
	wrong := func(part, value string) error {
		return fmt.Errorf("%w: %q is no %s of an image", ErrInvalid, value, part)
	}
	const lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	upper := strings.ToUpper(lower)
	if r := i.Registry; r != "" && r != "-" && (!isRegistry(r) || !made(r, lower+upper+digits+".-_:[]")) {
		return wrong("registry", r)
	}
	if i.Repository != "" {
		for segment := range strings.SplitSeq(i.Repository, "/") {
			if !made(segment, lower+digits+"._-") || strings.Trim(segment, "._-") != segment {
				return wrong("repository", i.Repository)
			}
		}
		if first, _, ok := strings.Cut(i.Repository, "/"); ok && isRegistry(first) {
			return wrong("repository (it begins with a registry)", i.Repository)
		}
	}
	if t := i.Tag; t != "" && t != "-" && (len(t) > 128 || t[0] == '.' || t[0] == '-' || !made(t, lower+upper+digits+"._-")) {
		return wrong("tag", t)
	}
	if d := i.Digest; d != "" && d != "-" {
		algorithm, hex, ok := strings.Cut(d, ":")
		if !ok || !made(algorithm, lower+upper+digits+"+._-") || len(hex) < 32 || !made(hex, digits+"abcdef") {
			return wrong("digest", d)
		}
	}
	return nil
}

// made reports whether s is not empty and made of the given letters.
func made(s, letters string) bool {
	return s != "" && strings.Trim(s, letters) == ""
}
