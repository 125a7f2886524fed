// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Accepts TitanX deliveries on POST /titanx. It serves plain HTTP: run it behind
// a proxy that terminates TLS. A delivery is verified in deliver, written to the
// disk in #accept, answered, and handled in #work.
'use strict';

const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const MAX_BODY = 1 << 20; // bytes
const MAX_LEVELS = 100; // of nested JSON
const MAX_WAITING = 1000; // events
const WINDOW = 4 * 24 * 3600 * 1000; // how old a timestamp may be, in milliseconds; TitanX repeats a delivery for three days

// Does the work of an event. It may take longer than the 10 seconds in which
// TitanX expects an answer. The event is done when handle returns: the result
// and the mark go into the events file in one write. If handle throws, the
// event is forgotten, and another copy is accepted.
async function handle(event) {
  console.log(`handled ${event.eventType} ${event.id}`);
}

// Returns the event of a body, which must be a JSON object with an id, an
// eventType and a timestamp.
function parse(body) {
  let event;
  try {
    event = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
  const named = [event?.id, event?.eventType].every((s) => typeof s === 'string' && /^[!-~]{1,200}$/.test(s));
  return named && Number.isFinite(event.timestamp) && shallow(event, MAX_LEVELS) ? event : undefined;
}

// Reports whether a value has at most so many levels.
function shallow(value, levels) {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => shallow(inner, levels - 1));
}

// Returns the keys of a secrets file, which has one secret a line. A line that
// cannot be a secret spoils the whole file. An error never quotes it.
function parseSecrets(bytes, reading = 'whole') {
  const text = bytes.toString('latin1');
  if (text.startsWith('\xef\xbb\xbf')) throw new Error('it begins with a byte order mark: save it without one');
  if (/^(\xff\xfe|\xfe\xff)|\0/.test(text)) throw new Error('it is UTF-16: save it as ASCII');
  const keys = [];
  for (const [i, padded] of text.split('\n').entries()) {
    const line = padded.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (line !== '') keys.push(parseSecret(line, reading, `line ${i + 1}`));
  }
  if (keys.length === 0) throw new Error('it has no secret');
  return keys;
}

// Returns the key of a secret. What of the secret is the key is not documented:
// all of it ("whole"), what follows its prefix ("after-prefix"), or the bytes
// that this encodes in base64 ("decoded").
function parseSecret(line, reading, where) {
  if (line.startsWith('#')) throw new Error(`${where} begins with #`);
  if (/^["']/.test(line)) throw new Error(`${where} begins with a quote`);
  if (/[ \t\r]/.test(line)) throw new Error(`${where} has white space inside`);
  if (/[^!-~]/.test(line)) throw new Error(`${where} has a character that is not printable ASCII`);
  let key = Buffer.from(line);
  if (reading !== 'whole') {
    const rest = /^(?:whsec_|wh_sk_)(.*)$/.exec(line)?.[1];
    if (rest === undefined) throw new Error(`${where} has no prefix whsec_ or wh_sk_`);
    key = Buffer.from(rest, reading === 'decoded' ? 'base64' : 'ascii');
    if (reading === 'decoded' && key.toString('base64') !== rest) throw new Error(`${where} has no base64 after its prefix`);
  }
  if (key.length < 16) throw new Error(`${where} is shorter than 16 bytes`);
  return key;
}

// Reports whether the signature is that of the body under one of the keys:
// Base64(HMAC-SHA256(key, body)). It compares in constant time.
function verified(keys, body, signature) {
  const given = Buffer.from(signature);
  let ok = false;
  for (const key of keys) {
    const want = Buffer.from(crypto.createHmac('sha256', key).update(body).digest('base64'));
    ok = (given.length === want.length && crypto.timingSafeEqual(given, want)) || ok;
  }
  return ok;
}

// Reports whether a delivery of this timestamp is a replay.
const old = (timestamp) => Date.now() - timestamp > WINDOW;

class Receiver {
  accepting = false;
  #secretsFile;
  #reading;
  #file;
  #torn = false; // the last write failed, perhaps in the middle of a line
  #waiting = []; // event and body
  #done = new Map(); // id to timestamp
  #working;
  #pruned = 0;
  #secrets = ''; // of the last delivery
  #proven = false; // a delivery has verified with these secrets
  #refused = 0; // deliveries that have not
  #reported = new Map(); // kind of message to time

  constructor(secretsFile, reading = 'whole') {
    if (!['whole', 'after-prefix', 'decoded'].includes(reading)) {
      throw new Error('TITANX_SECRET_READING must be whole, after-prefix or decoded');
    }
    this.#secretsFile = secretsFile;
    this.#reading = reading;
    try {
      parseSecrets(fs.readFileSync(secretsFile), reading);
    } catch (err) {
      throw new Error(`secrets file: ${err.message}`);
    }
  }

  // Reads the events file, replaces it by one of what still matters, and begins
  // to accept. In the file, an id is waiting, done or failed.
  async open(eventsFile) {
    const marks = [];
    let number = 0;
    for await (const line of linesOf(eventsFile)) {
      number++;
      if (line.trim() === '') continue;
      try {
        const { state, id, timestamp, body } = JSON.parse(line);
        if (state === 'waiting') {
          const event = parse(Buffer.from(body));
          if (!event) throw new Error('no event');
          this.#waiting.push({ event, body });
        } else if (state === 'done') {
          this.#waiting = this.#waiting.filter(({ event }) => event.id !== id);
          this.#done.set(id, timestamp);
          if (!old(timestamp)) marks.push(line);
        } else {
          const i = this.#waiting.findIndex(({ event }) => state === 'failed' && event.id === id);
          if (i < 0) throw new Error('of no event');
          this.#waiting.splice(i, 1);
        }
      } catch {
        console.error(`events file: line ${number} is not whole, and is dropped`);
      }
    }
    const waiting = this.#waiting.map(({ event, body }) => JSON.stringify(waits(event, body)));
    this.#file = fs.openSync(`${eventsFile}.new`, 'w', 0o600);
    for (const line of [...marks, ...waiting]) fs.writeFileSync(this.#file, `${line}\n`);
    fs.fsyncSync(this.#file);
    fs.closeSync(this.#file);
    fs.renameSync(`${eventsFile}.new`, eventsFile);
    if (process.platform !== 'win32') {
      const folder = fs.openSync(path.dirname(eventsFile));
      fs.fsyncSync(folder); // the new name
      fs.closeSync(folder);
    }
    this.#file = fs.openSync(eventsFile, 'a');
    this.accepting = true;
    this.#work();
  }

  // Appends a record to the events file, and reports whether it could.
  #write(record, flush = false) {
    const line = Buffer.from(`${this.#torn ? '\n' : ''}${JSON.stringify(record)}\n`);
    try {
      this.#torn = true;
      if (fs.writeSync(this.#file, line) < line.length) throw new Error('no space left');
      if (flush) fs.fsyncSync(this.#file);
      this.#torn = false;
    } catch (err) {
      this.#report('write', `events file: ${err.message}`);
    }
    return !this.#torn;
  }

  // Returns the status to answer a delivery with. TitanX repeats it after a
  // 503, and never after a 4xx.
  deliver(body, signature = '') {
    let text, keys;
    try {
      text = fs.readFileSync(this.#secretsFile); // for each delivery, so that a rotation needs no restart
      keys = parseSecrets(text, this.#reading);
    } catch (err) {
      this.#report(err.message, `secrets file: ${err.message}`);
      return 503;
    }
    if (text.toString() !== this.#secrets) [this.#secrets, this.#proven, this.#refused] = [text.toString(), false, 0];
    if (!verified(keys, body, signature)) {
      this.#refused++;
      if (!this.#proven) this.#report('refused', `${this.#refused} refused: no delivery has verified with the present secrets file`);
      return 401;
    }
    this.#proven = true;
    const event = parse(body);
    if (!event) return 400;
    if (old(event.timestamp)) {
      this.#report('old', 'a delivery is more than four days old: it is a replay, or the clock of this machine is wrong');
      return 503;
    }
    return this.#accept(event, body.toString());
  }

  // Writes an event to the disk, and lets it wait for its turn.
  #accept(event, body) {
    if (Date.now() - this.#pruned > 3600_000) {
      for (const [id, timestamp] of this.#done) if (old(timestamp)) this.#done.delete(id);
      this.#pruned = Date.now();
    }
    if (this.#done.has(event.id)) return 204;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#report('full', `${MAX_WAITING} events wait: no more is accepted`);
      return 503;
    }
    if (!this.#write(waits(event, body), true)) return 503;
    this.#waiting.push({ event, body });
    this.#work();
    return 204;
  }

  // Handles the waiting events, one after another. Copies of an event wait,
  // too, so that one is left if another fails.
  #work() {
    this.#working ??= (async () => {
      await null; // so that the assignment comes first
      for (; this.#waiting.length > 0; this.#waiting.shift()) {
        const { event } = this.#waiting[0];
        if (this.#done.has(event.id)) continue;
        const mark = await attempt(event);
        while (!this.#write(mark) && this.accepting) await delay(1000);
        if (mark.state === 'done') this.#done.set(mark.id, mark.timestamp);
      }
      this.#working = undefined;
    })();
  }

  // Waits until no event waits.
  async drain() {
    while (this.#waiting.length > 0) await this.#working;
  }

  // Logs a message, of each kind at most one a minute.
  #report(kind, message) {
    if (Date.now() - (this.#reported.get(kind) ?? -Infinity) < 60_000) return;
    this.#reported.set(kind, Date.now());
    console.error(message);
  }
}

const waits = ({ id, timestamp }, body) => ({ state: 'waiting', id, timestamp, body });

// Handles an event and returns the mark that it gets.
async function attempt(event) {
  const { id, timestamp } = event;
  try {
    const mark = { state: 'done', id, timestamp, result: await handle(event) };
    JSON.stringify(mark);
    return mark;
  } catch (err) {
    console.error(`handle ${id}: ${err?.message ?? err}`);
    return { state: 'failed', id, timestamp };
  }
}

async function* linesOf(file) {
  if (!fs.existsSync(file)) return;
  let rest = '';
  for await (const chunk of fs.createReadStream(file, 'utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    yield* lines;
  }
  yield rest;
}

// Returns the body of a request, or undefined if it is too large. It always
// reads to the end: what is left would be taken for the next request.
async function read(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined;
}

async function main() {
  const { env } = process;
  const receiver = new Receiver(env.TITANX_SECRETS_FILE ?? '', env.TITANX_SECRET_READING || 'whole');
  const answer = async (req) => {
    const late = !receiver.accepting;
    const body = await read(req);
    if (!body) return 413;
    if (late) return 503;
    if (req.url.split('?')[0] !== '/titanx') return 404;
    if (req.method !== 'POST') return 405;
    return receiver.deliver(body, req.headers['x-titanx-signature']);
  };
  const timeouts = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1000, keepAliveTimeout: 120_000 };
  const server = http.createServer(timeouts, (req, res) => {
    answer(req).then((status) => {
      if (status === 405) res.setHeader('Allow', 'POST');
      if (status === 413 || !receiver.accepting) res.setHeader('Connection', 'close');
      res.writeHead(status).end();
    }).catch(() => res.destroy()); // the caller went away
  });
  // A second process on the same port fails here, before it touches the file.
  server.listen(Number(env.PORT || 8000), env.HOST || '127.0.0.1');
  await once(server, 'listening');
  await receiver.open(env.TITANX_EVENTS_FILE || 'titanx-events.jsonl').catch((err) => {
    throw new Error(`events file: ${err.message}`);
  });
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));

  receiver.accepting = false; // requests that begin from now on are answered 503
  await receiver.drain();
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 1000).unref(); // those that began before have a second
  await closed;
  await receiver.drain();
}

module.exports = { Receiver, old, parse, parseSecrets, verified };

if (require.main === module) {
  main().catch((err) => {
    console.error(err.message);
    process.exit(1);
  });
}
