# A webhook whose receivers load a new secret within five minutes.

terraform {
  required_version = ">= 1.5"

  required_providers {
    titanx = {
      source  = "titanx-io/titanx"
      version = ">= 0.1.0"
    }
  }
}

provider "titanx" {}

module "webhook" {
  source = "../.."

  name         = "orders"
  url          = "https://hooks.example.com/titanx"
  event_types  = ["job.contact.scored"]
  grace_period = 300
}

output "secret" {
  value     = module.webhook.secret
  sensitive = true
}
