// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// What Terraform's core does, for protocol tests.

package provider

import "github.com/hashicorp/terraform-plugin-go/tfprotov6"

// core does with one webhook what Terraform's core does, without a CLI:
// refresh, plan, apply, and taint what a failed create left.
type core struct {
	s       *simulation
	state   instance
	tainted bool
	said    []*tfprotov6.Diagnostic // by the last apply
}

// apply is one run: a provider process that refreshes and plans, and another
// one that plans again and applies. It reports whether it went well.
func (c *core) apply(config object) bool {
	c.said = nil
	p := c.s.protocol(nil)
	c.refresh(p)
	if c.failed() {
		return false
	}
	update, replace := false, c.tainted
	if c.state.exists() && !c.tainted {
		change := p.plan(c.state, config)
		c.said = append(c.said, change.diags...)
		update, replace = !change.noChange(), len(change.replace) > 0
	}
	if !c.state.exists() || replace {
		second := instance{private: c.state.private} // core drops its warnings
		if !c.state.exists() || c.tainted {
			second.private = nil
		}
		c.said = append(c.said, p.plan(second, config).diags...)
	}
	if c.failed() {
		return false
	}
	p = c.s.protocol(nil)
	p.applying = true
	if replace {
		c.carryOut(p, nil)
		c.tainted = c.tainted && c.failed()
	}
	if c.failed() || c.state.exists() && !update {
		return !c.failed()
	}
	creating := !c.state.exists()
	c.carryOut(p, config)
	c.tainted = creating && c.failed() && c.state.exists()
	return !c.failed()
}

func (c *core) refresh(p *protocolServer) {
	if !c.state.exists() {
		return
	}
	read, diags := p.read(c.state)
	c.said = append(c.said, diags...)
	if c.failed() {
		return
	}
	c.state = read
	c.tainted = c.tainted && read.exists()
}

// carryOut changes the webhook to a configuration; nil destroys it.
func (c *core) carryOut(p *protocolServer, config object) {
	var diags []*tfprotov6.Diagnostic
	c.state, diags = p.apply(p.plan(c.state, config))
	c.said = append(c.said, diags...)
}

// failed reports whether an error was said.
func (c *core) failed() bool { return hasError(c.said) }

// unchanged reports whether a plan finds nothing to do.
func (c *core) unchanged(config object) bool {
	p := c.s.protocol(nil)
	c.refresh(p)
	return c.state.exists() && !c.tainted && p.plan(c.state, config).noChange()
}
