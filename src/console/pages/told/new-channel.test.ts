import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelSchema } from '#protocol'
import type { ChannelKind } from '#protocol'
import { channelOf, fieldsOf, freeId } from './new-channel.ts'
import type { Field } from './new-channel.ts'

const typed: Readonly<Record<Field, string>> = {
  host: 'mail.example.org',
  port: '465',
  user: '',
  password: '',
  from: 'alarm@example.org',
  to: 'anna@example.org',
  server: 'https://ntfy.sh',
  topic: 'blue-heron-91',
  url: 'https://hooks.example.org/x',
  secret: `whsec_${'A'.repeat(44)}`,
}

test('what is typed becomes a channel that the server takes, of each kind', () => {
  for (const kind of Object.keys(fieldsOf) as ChannelKind[]) {
    const made = channelOf(kind, (field) => typed[field], { id: kind, name: kind })
    assert.equal(channelSchema.parse(made).kind, kind)
  }
})

test('a mail server is spoken to encrypted, by the way of its port', () => {
  const securityAt = (port: string) => {
    const channel = channelOf('email', (field) => ({ ...typed, port })[field], { id: 'a', name: 'a' })
    return channel.kind === 'email' ? channel.security : undefined
  }
  assert.deepEqual([securityAt('465'), securityAt('587')], ['tls', 'starttls'])
})

test('a channel gets an id that is not taken', () => {
  assert.deepEqual([freeId('ntfy', []), freeId('ntfy', ['ntfy', 'ntfy-2'])], ['ntfy', 'ntfy-3'])
})
