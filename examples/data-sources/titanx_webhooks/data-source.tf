# Every argument is optional. The result has no secrets.
data "titanx_webhooks" "delivering" {
  status     = "active"
  event_type = "job.contact.scored"
  name_regex = "^scored "
  url_prefix = "https://hooks.example.com/"
}

output "delivering" {
  value = { for webhook in data.titanx_webhooks.delivering.webhooks : webhook.id => webhook.url }
}
