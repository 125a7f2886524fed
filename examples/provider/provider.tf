terraform {
  required_providers {
    titanx = {
      source  = "titanx-io/titanx"
      version = "~> 0.1"
    }
  }
}

# The key comes from the environment variable TITANX_API_KEY.
provider "titanx" {
  max_retries     = 5
  request_timeout = "30s"
}
