import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertSettingsSchema, channelSchema } from './alerts.ts'

const email = { id: 'mail', name: 'Mail', kind: 'email', host: 'smtp.example.com', from: 'backup@example.com' }
const slack = { id: 'slack', name: 'Slack', kind: 'slack', url: 'https://hooks.slack.com/services/x' }
const webhook = {
  id: 'hook',
  name: 'Hook',
  kind: 'webhook',
  url: 'https://example.com/x',
  secret: `whsec_${'A'.repeat(32)}`,
}
const ntfy = { id: 'ntfy', name: 'ntfy', kind: 'ntfy', url: 'https://ntfy.sh', topic: 'our-backups' }

/** The places of what is wrong. */
function wrongWith(
  schema: {
    safeParse: (value: unknown) => { success: boolean; error?: { issues: { path: PropertyKey[] }[] } | undefined }
  },
  value: unknown,
): string[] {
  return schema.safeParse(value).error?.issues.map(({ path }) => path.join('.')) ?? []
}

test('mail is encrypted unless somebody says otherwise', () => {
  assert.deepEqual(channelSchema.parse(email), { ...email, port: 587, security: 'starttls' })
})

const channels: readonly (readonly [situation: string, channel: object, wrong: readonly string[]])[] = [
  ['Slack', slack, []],
  ['a webhook', webhook, []],
  ['ntfy', ntfy, []],
  ['a password without encryption', { ...email, security: 'none', user: 'u', password: 'p' }, ['security']],
  ['a user without password', { ...email, user: 'u' }, ['password']],
  ['a host that is an address', { ...email, host: 'https://smtp.example.com' }, ['host']],
  ['a host of two lines', { ...email, host: 'smtp.example.com\r\nx' }, ['host']],
  ['a port that does not exist', { ...email, port: 70_000 }, ['port']],
  ['a sender of two lines', { ...email, from: 'a@example.com\r\nBcc: b@example.com' }, ['from']],
  ['an address of a file', { ...slack, url: 'file:///etc/passwd' }, ['url']],
  ['an address with a password', { ...slack, url: 'https://user:pass@example.com/' }, ['url']],
  ['a webhook with a weak secret', { ...webhook, secret: 'whsec_AAAA' }, ['secret']],
  ['a topic that is a path', { ...ntfy, topic: '../admin' }, ['topic']],
  ['the id of the outside watch', { ...slack, id: 'dead-man' }, ['id']],
  ['what nobody knows', { ...slack, insecure: true }, ['']],
]

for (const [situation, channel, wrong] of channels) {
  test(`${situation} ${wrong.length === 0 ? 'is taken' : 'is refused'}`, () => {
    assert.deepEqual(wrongWith(channelSchema, channel), wrong)
  })
}

const anna = { id: 'anna', name: 'Anna', ways: [{ channel: 'mail', address: 'anna@example.com' }] }

const people: readonly (readonly [situation: string, person: object, wrong: readonly string[]])[] = [
  ['a person with a way', anna, []],
  ['an id of what every object has', { ...anna, id: 'constructor' }, []],
  ['a channel that is not there', { ...anna, ways: [{ channel: 'fax' }] }, ['people.0.ways.0']],
  ['mail without an address', { ...anna, ways: [{ channel: 'mail' }] }, ['people.0.ways.0']],
  ['a channel twice', { ...anna, ways: [...anna.ways, ...anna.ways] }, ['people.0.ways.1']],
  ['a time zone that is none', { ...anna, timeZone: 'Mars/Olympus' }, ['people.0.timeZone']],
  ['quiet hours that never end', { ...anna, quietHours: { from: '08:00', to: '08:00' } }, ['people.0.quietHours.to']],
  ['quiet hours at 25 o’clock', { ...anna, quietHours: { from: '25:00', to: '08:00' } }, ['people.0.quietHours.from']],
  ['a weekly digest without its day', { ...anna, digest: { every: 'week', hour: 8 } }, ['people.0.digest.weekday']],
  ['a step that does not exist', { ...anna, step: 0 }, ['people.0.step']],
]

for (const [situation, person, wrong] of people) {
  test(`${situation} ${wrong.length === 0 ? 'is taken' : 'is refused'}`, () => {
    assert.deepEqual(wrongWith(alertSettingsSchema, { channels: [email], people: [person] }), wrong)
  })
}

test('two of one id are refused', () => {
  assert.deepEqual(wrongWith(alertSettingsSchema, { channels: [email, email], people: [anna, anna] }), [
    'channels.1.id',
    'people.1.id',
  ])
})
