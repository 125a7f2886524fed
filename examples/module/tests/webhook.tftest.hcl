# What the module does with its variables. Nothing here needs a key or a network.

mock_provider "titanx" {
  mock_resource "titanx_webhook" {
    defaults = {
      id             = "0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11"
      created_at     = "2026-01-02T03:04:05Z"
      secret         = "CANARY-mock-secret"
      secret_version = 1767323045
      secret_status  = "known"
    }
  }
}

variables {
  name = "orders"
  url  = "https://hooks.example.com/titanx"
}

run "plan" {
  command = plan

  assert {
    condition     = titanx_webhook.this.name == "orders" && titanx_webhook.this.status == "active"
    error_message = "A webhook delivers by default."
  }
}

run "defaults" {
  assert {
    condition     = titanx_webhook.this.event_types == toset(["job.completed", "job.contact.scored"])
    error_message = "Both documented events are delivered by default."
  }

  assert {
    condition     = titanx_webhook.this.rotate_after == "2160h" && titanx_webhook.this.on_lost_secret == "replace"
    error_message = "The secret is replaced after 90 days, and when it is lost."
  }

  assert {
    condition     = length(terraform_data.grace) == 0
    error_message = "There is no grace period by default."
  }

  assert {
    condition     = output.secret == "CANARY-mock-secret" && output.secret_status == "known" && output.secret_version == 1767323045
    error_message = "The secret is an output."
  }
}

run "disabled" {
  variables {
    enabled      = false
    rotate_after = null
  }

  assert {
    condition     = titanx_webhook.this.status == "inactive" && titanx_webhook.this.rotate_after == null
    error_message = "A webhook that is not enabled is inactive, and null turns the rotation off."
  }
}

run "grace_period" {
  variables {
    grace_period = 3600
  }

  assert {
    condition     = length(terraform_data.grace) == 1 && terraform_data.first[0].output == output.id
    error_message = "A grace period needs the first webhook, which does not wait."
  }
}
