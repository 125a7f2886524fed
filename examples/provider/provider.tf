terraform {
  required_providers {
    titanx = {
      source  = "titanx-io/titanx"
      version = "~> 0.1.0"
    }
  }
}

# The key comes from the environment variable TITANX_API_KEY.
provider "titanx" {}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = "https://hooks.example.com/titanx"
  event_types = ["job.contact.scored"]

  lifecycle {
    create_before_destroy = true
  }
}
