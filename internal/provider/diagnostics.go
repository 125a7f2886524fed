// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// addAPIError turns a failed activity ("create webhook") into a diagnostic:
// what happened in the server's own words, then what the reader can do next.
func addAPIError(diags *diag.Diagnostics, activity string, err error) {
	detail := sentence(err.Error())
	if advice := adviceFor(err); advice != "" {
		detail += "\n\n" + advice
	}
	diags.AddError("Unable to "+activity, detail)
}

func adviceFor(err error) string {
	var limited *titanx.RateLimitError
	var untrusted *titanx.CertificateError
	var refused *titanx.Error
	isRefused := errors.As(err, &refused)
	switch {
	case errors.Is(err, titanx.ErrUnauthorized):
		return "TitanX does not accept the API key. Check the provider's api_key or " + apiKeyVariable +
			": the key must be complete, not expired, and from this TitanX account. The state is unchanged."
	case isRefused && namesLimit(refused):
		return "The account has reached a limit. No permission is missing. " +
			"Delete webhooks that nobody needs, or ask TitanX for a higher limit, and then run again. " +
			"The state is unchanged."
	case isRefused && refused.HTML && errors.Is(err, titanx.ErrForbidden):
		return "The response is a web page, so it is probably not from the TitanX API, but from a firewall or " +
			"proxy in between. Find out what it refuses, such as the address of this machine. The state is unchanged."
	case errors.Is(err, titanx.ErrForbidden):
		return "The API key is not allowed to do this. Grant its user permission to manage webhooks, or use " +
			"the key of a user who has it. The state is unchanged."
	case errors.As(err, &limited):
		return "The API key's rate limit is used up. Run again after that time, or share the key among fewer runs."
	case isRefused && refused.Location != "":
		return "The provider never follows a redirect, because the API key would go with it. Check base_url."
	case errors.Is(err, titanx.ErrNoRoute):
		return "The server responds, but not like the TitanX API. Check base_url, and whether a proxy is in " +
			"between. The state is unchanged."
	case errors.Is(err, titanx.ErrUnreadable):
		return "The server responds, but the provider cannot read the response. " +
			"Check base_url, and whether a proxy is in between. If TitanX has changed its API, report it to " +
			"the provider's maintainers. The state is unchanged."
	case isRefused && refused.StatusCode >= 400 && errors.Is(err, titanx.ErrListed):
		return "TitanX contradicts itself. Run again later. If that does not help, look for the webhook at TitanX. " +
			"If it is deleted or archived there, remove it from the state with terraform state rm."
	case errors.Is(err, context.Canceled):
		return "The run was interrupted."
	case errors.Is(err, errOperationLimit), errors.Is(err, context.DeadlineExceeded):
		return "An operation can take at most 20 minutes, including waits for rate limits. " +
			"Check TitanX's status, and run again."
	case isRefused && refused.StatusCode >= 500:
		return "TitanX, or a server in front of it, has a problem. Run again later, or increase the " +
			"provider's max_retries and request_timeout."
	case errors.As(err, &untrusted):
		return fmt.Sprintf("The certificate must be for %s and signed by an authority that this system "+
			"trusts. Check base_url. "+
			"If a proxy or gateway of your organization signs the certificate, add its authority to the "+
			"system, or set SSL_CERT_FILE to the authority's certificate.", untrusted.Host)
	case errors.Is(err, titanx.ErrTimeout):
		return "TitanX, or the network, is slow. Run again later, or increase the provider's request_timeout."
	case errors.Is(err, titanx.ErrNoAnswer):
		return "The API could not be reached. Check the network, any proxy, and the provider's base_url, and " +
			"then run again."
	}
	return ""
}

var limitWords = regexp.MustCompile(
	`(?i)\b(quotas?|limits?|too many|upgrade|maximum (number )?of|(at most|only have|allows) \d+)\b`)

// namesLimit reports whether a refusal is about how much the account may have.
func namesLimit(refused *titanx.Error) bool {
	switch refused.StatusCode {
	case http.StatusPaymentRequired:
		return true
	case http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity:
		return limitWords.MatchString(refused.Message)
	}
	return false
}

// addUncertainError says what an uncertain create may have left and what
// happens next.
func addUncertainError(diags *diag.Diagnostics, client *titanx.Client, name string, uncertain *titanx.UncertainError) {
	detail := sentence(uncertain.Err.Error()) + "\n\n"
	switch {
	case uncertain.Orphan != nil:
		detail += fmt.Sprintf("TitanX created the webhook %q, but its signing secret is lost, and it could "+
			"not be deleted now: %s. "+
			"The next apply deletes it and creates the webhook again.", name,
			describe(client, []titanx.Webhook{*uncertain.Orphan}))
	case len(uncertain.Candidates) > 0:
		detail += fmt.Sprintf("TitanX may have created the webhook %q. Any of these may be it: %s. "+
			"There is no proof, so none was deleted. "+
			"At TitanX, delete those that nobody uses, and then apply again: the others stay.", name,
			describe(client, uncertain.Candidates))
	default:
		detail += fmt.Sprintf("It is not known whether TitanX created the webhook %q. "+
			"If it did, its signing secret is lost, and it never delivers. "+
			"The next apply looks for it, deletes it, and creates the webhook again.", name)
	}
	if errors.Is(uncertain.Err, titanx.ErrTimeout) {
		detail += " If TitanX always takes longer to answer, increase the provider's request_timeout first."
	}
	diags.AddError("Unable to create webhook: the outcome is uncertain", detail)
}

// maxListed is how many webhooks a diagnostic lists: a reader looks through no
// more.
const maxListed = 20

// describe lists webhooks so that a reader can find each of them at TitanX.
func describe(client *titanx.Client, webhooks []titanx.Webhook) string {
	var parts []string
	for _, w := range webhooks[:min(len(webhooks), maxListed)] {
		part := client.Clean(w.ID) + " ("
		if w.Name != "" {
			part += fmt.Sprintf("%q ", client.Clean(w.Name))
		}
		part += "at " + client.Clean(hostOf(w.URL))
		if !w.CreatedAt.IsZero() {
			part += ", created " + w.CreatedAt.Format(time.RFC3339)
		}
		parts = append(parts, part+")")
	}
	if more := len(webhooks) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// hostOf returns the host of a url. The rest of it may be a token.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "an unknown host"
	}
	return u.Host
}

// sentence returns an error text as a sentence.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if strings.HasSuffix(text, "?") {
		return text
	}
	return strings.TrimRight(text, ".") + "."
}
