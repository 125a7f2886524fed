// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"net/http"
	"slices"
)

// outcome is what became of a request. It is decided where the attempt ends,
// and every error of the client carries it.
type outcome int

const (
	unsent        outcome = iota // no connection was had: not a byte can have arrived
	refused                      // TitanX answered, and nothing was changed
	answered                     // a readable 2xx
	uncertain                    // it may have taken effect
	stillPossible                // it may have taken effect, or may do so later: nobody said that it is over
)

// requestError is a request that failed.
type requestError struct {
	outcome outcome
	err     error
}

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// outcomeOf returns what became of a request. An error from before the first
// attempt means that the request was not sent.
func outcomeOf(err error) outcome {
	var failed *requestError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &failed):
		return failed.outcome
	}
	return unsent
}

// decide returns what became of an attempt, nil for a readable 2xx.
func (c *Client) decide(what call, got *answer, err error) *requestError {
	if err != nil {
		return &requestError{outcomeOf(err), err}
	}
	if isSuccess(got.status) {
		if err := what.read(got); err != nil {
			return &requestError{uncertain, err}
		}
		return nil
	}
	o := refused
	switch {
	case isTimeout(got.status):
		o = stillPossible
	case got.status < 400, got.status >= 500 && got.status != http.StatusNotImplemented:
		o = uncertain
	}
	return &requestError{o, newError(got)}
}

// isSuccess reports whether a status is a 2xx.
func isSuccess(status int) bool { return status/100 == 2 }

// isTimeout reports whether a gateway gave up on a request that the server
// behind it may still carry out. nginx has 499 for this, Cloudflare 522 and
// 524.
func isTimeout(status int) bool {
	return slices.Contains([]int{http.StatusRequestTimeout, 499, http.StatusGatewayTimeout, 522, 524}, status)
}
