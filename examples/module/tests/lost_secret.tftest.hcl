# A lost secret is told by a check, so that health assessments see it.

mock_provider "titanx" {
  mock_resource "titanx_webhook" {
    defaults = {
      secret_status = "lost"
    }
  }
}

run "lost" {
  variables {
    name           = "orders"
    url            = "https://hooks.example.com/titanx"
    on_lost_secret = "keep"
  }

  expect_failures = [check.secret]
}
