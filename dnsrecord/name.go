package dnsrecord

import (
	"fmt"
	"net/netip"
	"strings"
)

const (
	maxLabel = 63
	maxName  = 253
	// ownership is the longest that external-dns's registry puts before the first label of a name ("cname-") to name the TXT
	// record that says who owns it. Without room for it a record would be made and never be owned, so never be removed.
	ownership = len("cname-")
)

// checkLabel accepts one lower-case DNS label.
func checkLabel(s string) error {
	if s == "" {
		return fmt.Errorf("%w: empty label", ErrInvalidName)
	}
	if len(s) > maxLabel {
		return fmt.Errorf("%w: label of %d bytes, %d at most", ErrInvalidName, len(s), maxLabel)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-' && i > 0 && i < len(s)-1:
		default:
			return fmt.Errorf("%w: %q in label %q (lower-case letters, digits, inner hyphens)", ErrInvalidName, c, s)
		}
	}
	return nil
}

// checkLabels accepts dotted labels.
func checkLabels(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("%w: %d bytes, %d at most", ErrInvalidName, len(s), maxName)
	}
	for rest, label, more := s, "", true; more; {
		label, rest, more = strings.Cut(rest, ".")
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	return nil
}

// checkName accepts dotted labels of which the last is not a number, for such a name would be taken for an IP address.
func checkName(s string) error {
	if err := checkLabels(s); err != nil {
		return err
	}
	if strings.Trim(s[strings.LastIndexByte(s, '.')+1:], "0123456789") == "" {
		return fmt.Errorf("%w: ends in a number", ErrInvalidName)
	}
	return nil
}

// checkPublished accepts a name for external-dns: as checkName, with a wildcard as first label allowed and with room for
// the ownership record.
func checkPublished(s string) error {
	if err := checkName(strings.TrimPrefix(s, "*.")); err != nil {
		return err
	}
	if n := strings.IndexByte(s+".", '.'); n > maxLabel-ownership {
		return fmt.Errorf("%w: first label of %d bytes, %d at most beside an ownership record", ErrInvalidName, n, maxLabel-ownership)
	}
	if len(s) > maxName-ownership {
		return fmt.Errorf("%w: %d bytes, %d at most beside an ownership record", ErrInvalidName, len(s), maxName-ownership)
	}
	return nil
}

// checkTarget sorts an address in: an IP address in its canonical form with the record type for it, or a host name.
func checkTarget(s string) (target, recordType string, err error) {
	if addr, perr := netip.ParseAddr(s); perr == nil {
		addr = addr.Unmap()
		switch {
		case addr.Zone() != "", addr.IsUnspecified(), addr.IsMulticast():
			return "", "", fmt.Errorf("%w: no host can have it", ErrInvalidAddress)
		case addr.Is4():
			return addr.String(), TypeA, nil
		}
		return addr.String(), TypeAAAA, nil
	}
	if err := checkName(s); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrInvalidAddress, err)
	}
	return s, TypeCNAME, nil
}
