# What the module refuses, each at the variable that is to blame.

mock_provider "titanx" {}

variables {
  name = "orders"
  url  = "https://hooks.example.com/titanx"
}

run "empty_name" {
  command = plan

  variables {
    name = " "
  }

  expect_failures = [var.name]
}

run "plain_http" {
  command = plan

  variables {
    url = "http://hooks.example.com/titanx"
  }

  expect_failures = [var.url]
}

run "no_host" {
  command = plan

  variables {
    url = "https:///titanx"
  }

  expect_failures = [var.url]
}

run "user_info" {
  command = plan

  variables {
    url = "https://user@hooks.example.com/titanx"
  }

  expect_failures = [var.url]
}

run "fragment" {
  command = plan

  variables {
    url = "https://hooks.example.com/titanx#part"
  }

  expect_failures = [var.url]
}

run "no_events" {
  command = plan

  variables {
    event_types = []
  }

  expect_failures = [var.event_types]
}

run "malformed_event" {
  command = plan

  variables {
    event_types = ["Job Completed"]
  }

  expect_failures = [var.event_types]
}

run "malformed_age" {
  command = plan

  variables {
    rotate_after = "90d"
  }

  expect_failures = [var.rotate_after]
}

run "empty_age" {
  command = plan

  variables {
    rotate_after = ""
  }

  expect_failures = [var.rotate_after]
}

run "no_recipients" {
  command = plan

  variables {
    secret_recipients = []
  }

  expect_failures = [var.secret_recipients]
}

run "unknown_policy" {
  command = plan

  variables {
    on_lost_secret = "ignore"
  }

  expect_failures = [var.on_lost_secret]
}
