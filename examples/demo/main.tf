# What "make demo" applies. It serves the simulator and a receiver, and sets TITANX_API_KEY and TITANX_BASE_URL.

terraform {
  required_providers {
    titanx = {
      source = "titanx-io/titanx"
    }
  }
}

variable "receiver_url" {
  description = "Where scored contacts are delivered."
  type        = string
}

variable "status" {
  description = "Whether TitanX delivers."
  type        = string
  default     = "active"
}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = var.receiver_url
  event_types = ["job.contact.scored"]
  status      = var.status

  lifecycle {
    create_before_destroy = true
  }
}

output "id" {
  value = titanx_webhook.contacts.id
}

output "secret" {
  description = "What the receiver verifies signatures with."
  value       = titanx_webhook.contacts.secret
  sensitive   = true
}
