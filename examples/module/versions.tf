terraform {
  required_version = ">= 1.5"

  required_providers {
    titanx = {
      source  = "titanx-io/titanx"
      version = ">= 0.1.0"
    }
  }
}
