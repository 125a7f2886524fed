// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Takes TitanX deliveries on POST /titanx, behind a proxy that terminates TLS.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');

const MAX_BODY = 1 << 20; // bytes
const MAX_WAITING = 1000; // events
const REMEMBER_FOR = 4 * 24 * 3600 * 1000; // milliseconds; TitanX sends again for up to 3 days

const secretsFile = process.env.TITANX_SECRETS_FILE ?? '';
const seen = new Map(); // id to time, oldest first
const waiting = [];

// Does the work of an event. It may take longer than the 10 seconds in which TitanX wants an answer.
async function handle(event) {
  console.log(`handled ${event.eventType} ${event.id}`);
}

// Reads the file anew, so that a rotation needs no restart.
function readSecrets() {
  const secrets = fs.readFileSync(secretsFile, 'utf8').split(/\s+/).filter(Boolean);
  if (secrets.length === 0) throw new Error(`${secretsFile} is empty`);
  return secrets;
}

// Compares with every secret in constant time: Base64(HMAC-SHA256(secret, raw body)).
function verified(secrets, body, signature) {
  const given = Buffer.from(signature ?? '', 'utf8');
  let ok = false;
  for (const secret of secrets) {
    const want = Buffer.from(crypto.createHmac('sha256', secret).update(body).digest('base64'), 'utf8');
    ok = (given.length === want.length && crypto.timingSafeEqual(given, want)) || ok;
  }
  return ok;
}

function parse(body) {
  try {
    const event = JSON.parse(body.toString('utf8'));
    const whole = [event?.id, event?.eventType].every((s) => typeof s === 'string' && s !== '');
    return whole ? event : undefined;
  } catch {
    return undefined;
  }
}

// Lets an event wait for its turn, once for each id. Returns false when too many wait: TitanX sends it again.
function accept(event, now) {
  for (const [id, at] of seen) {
    if (now - at <= REMEMBER_FOR) break;
    seen.delete(id);
  }
  if (seen.has(event.id)) return true;
  if (waiting.length >= MAX_WAITING) return false;
  seen.set(event.id, now);
  if (waiting.push(event) === 1) setImmediate(work);
  return true;
}

async function work() {
  while (waiting.length > 0) {
    await handle(waiting[0]).catch((err) => console.error(`handle ${waiting[0].id}: ${err.message}`));
    waiting.shift();
  }
}

// Gives the status to answer with.
async function receive(req) {
  if (req.url.split('?')[0] !== '/titanx') return 404;
  if (req.method !== 'POST') return 405;
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > MAX_BODY) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  let secrets;
  try {
    secrets = readSecrets();
  } catch (err) {
    console.error(`read secrets: ${err.message}`);
    return 503;
  }
  if (!verified(secrets, body, req.headers['x-titanx-signature'])) return 401;
  const event = parse(body);
  if (!event) return 400;
  return accept(event, Date.now()) ? 204 : 503;
}

const server = http.createServer((req, res) => {
  receive(req)
    .then((status) => res.writeHead(status, status === 413 ? { connection: 'close' } : {}).end())
    .catch(() => res.destroy()); // the caller went away
});
server.requestTimeout = 10_000;
server.headersTimeout = 10_000;

try {
  readSecrets();
} catch (err) {
  console.error(`TITANX_SECRETS_FILE: ${err.message}`);
  process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close());
server.listen(Number(process.env.PORT || 8000), process.env.HOST || '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
