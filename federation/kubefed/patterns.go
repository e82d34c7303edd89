package kubefed

import "regexp"

// The forms of text that both the functions here and the schemas ask for; the API server matches them with the same library.
const (
	labelPattern     = `^[a-z]([-a-z0-9]*[a-z0-9])?$` // DNS-1035
	kindPattern      = `^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$`
	subdomainPattern = `^` + subdomain + `$` // DNS-1123
	endpointPattern  = `^(((?i:https?)://)` + hostPort + `(/[^?#\s]*)?|` + hostPort + `/?)$`
	proxyPattern     = `^(|((?i:https?|socks5)://)([^/?#\s@]+@)?` + hostPort + `(/[^?#\s]*)?)$`

	base64Pattern = `^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`
	domainPattern = `^(?i:` + subdomain + `)\.?$`

	subdomain = `[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`
	hostPort  = `([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+(%25[-._~A-Za-z0-9]+)?\])(:0*` + port + `)?`
	port      = `([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`

	maxLabel, maxSubdomain = 63, 253
	maxEndpoint            = 2048 // and the like bound what rules cost, which API servers count for the worst case
	maxDuration            = 64
	maxValidations         = 16
	maxPreferences         = 2000 // clusters
)

// form says that a text must have a form, and how long it may be; 0: as long as it likes.
type form struct {
	pattern string
	most    int
	words   string
}

func labelForm() form {
	return form{labelPattern, maxLabel, "is not a DNS label that begins with a letter (a-z, 0-9 and -, at most 63)"}
}

func kindForm() form {
	return form{kindPattern, maxLabel, "is not a kind (letters, digits and -, at most 63)"}
}

func subdomainForm() form {
	return form{subdomainPattern, maxSubdomain, "is not a DNS name (a-z, 0-9, - and ., at most 253)"}
}

func domainForm() form {
	return form{domainPattern, maxSubdomain, "is not a DNS zone (a-z, 0-9, - and ., at most 253)"}
}

func endpointForm() form {
	return form{endpointPattern, maxEndpoint, "is not a host, host:port or URL of http or https; a path needs the scheme, and a port is 1 to 65535"}
}

func base64Form() form { return form{base64Pattern, 0, "is not base64"} }

func proxyForm() form {
	return form{proxyPattern, maxEndpoint, "is not a URL of http, https or socks5"}
}

// like checks a text, which is not quoted: some hold passwords. What is absent is empty.
func (n node) like(key string, f form) {
	faults := n.faulted()
	text := get[string](n, key)
	if n.faulted() == faults && !f.matches(text) {
		n.fail(key, "%s", f.words)
	}
}

func (f form) matches(text string) bool {
	ok, err := regexp.MatchString(f.pattern, text)
	return ok && err == nil && (f.most == 0 || len(text) <= f.most)
}
