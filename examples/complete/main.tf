# One module, three environments: production and staging deliver, development waits.

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

locals {
  environments = {
    production = {
      url          = "https://hooks.example.com/titanx"
      rotate_after = "2160h" # 90 days
    }
    staging = {
      url          = "https://hooks.staging.example.com/titanx"
      rotate_after = "168h" # a rotation that breaks, breaks here first
    }
    development = {
      url          = "https://hooks.dev.example.com/titanx"
      rotate_after = null
      enabled      = false
    }
  }
}

module "webhook" {
  source   = "../module"
  for_each = local.environments

  name         = "orders-${each.key}"
  url          = each.value.url
  event_types  = ["job.contact.scored", "job.completed"]
  enabled      = lookup(each.value, "enabled", true)
  rotate_after = each.value.rotate_after
}

output "ids" {
  value = { for name, webhook in module.webhook : name => webhook.id }
}

# Read one with: terraform output -json secrets
output "secrets" {
  value     = { for name, webhook in module.webhook : name => webhook.secret }
  sensitive = true
}
