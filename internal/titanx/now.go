// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import "time"

// Now returns the time by TitanX's clock. It reports false until a response
// had a Date header.
func (c *Client) Now() (time.Time, bool) {
	c.server.mu.Lock()
	known := c.server.known
	c.server.mu.Unlock()
	return c.server.now(), known
}
