# terraform query shows these webhooks; with -generate-config-out=webhooks.tf it writes what imports them.
list "titanx_webhook" "contacts" {
  provider = titanx

  config {
    event_type = "job.contact.scored"
    url_prefix = "https://hooks.example.com/"
  }
}
