# What the module makes of its variables. Nothing here needs a key or a network.

mock_provider "titanx" {
  mock_resource "titanx_webhook" {
    defaults = {
      secret        = "CANARY-mock-secret"
      secret_status = "known"
    }
  }
}

variables {
  name = "orders"
  url  = "https://hooks.example.com/titanx"
}

run "defaults" {
  assert {
    condition     = titanx_webhook.this.event_types == toset(["job.completed", "job.contact.scored"])
    error_message = "Both documented events are delivered by default."
  }

  assert {
    condition     = titanx_webhook.this.status == "active"
    error_message = "A webhook delivers by default."
  }

  assert {
    condition     = titanx_webhook.this.rotate_after == "2160h" && titanx_webhook.this.on_lost_secret == "replace"
    error_message = "The secret is renewed every 90 days, and when it is lost."
  }
}

run "disabled" {
  variables {
    enabled      = false
    rotate_after = null
  }

  assert {
    condition     = titanx_webhook.this.status == "inactive"
    error_message = "A webhook that is not enabled is inactive."
  }

  assert {
    condition     = titanx_webhook.this.rotate_after == null
    error_message = "Null turns the rotation off."
  }
}

run "outputs" {
  assert {
    condition     = output.secret == "CANARY-mock-secret" && output.secret_status == "known"
    error_message = "The secret is an output."
  }

  assert {
    condition     = output.id == titanx_webhook.this.id
    error_message = "The id is an output."
  }
}
