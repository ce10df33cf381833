import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelSchema } from '#protocol'
import { maskSecrets, secretsOf, withoutSecrets } from './secrets.ts'

const about = { id: 'c', name: 'C' }
const channels = [
  { ...about, kind: 'email', host: 'smtp.example.com', from: 'a@example.com', user: 'u', password: 'canary 1/2' },
  {
    ...about,
    kind: 'webhook',
    url: 'https://example.com/canary-path?key=canary-key',
    secret: `whsec_canary${'A'.repeat(32)}`,
  },
  { ...about, kind: 'slack', url: 'https://hooks.slack.com/services/T0/B0/canary-token' },
  { ...about, kind: 'teams', url: 'https://x.logic.azure.com/workflows/canary-flow?sig=canary-sig' },
  { ...about, kind: 'ntfy', url: 'https://ntfy.sh', topic: 'canary-topic', token: 'tk_canary' },
].map((channel) => channelSchema.parse(channel))

for (const channel of channels) {
  test(`a ${channel.kind} channel is shown without its secrets, and says that there are some`, () => {
    const shown = JSON.stringify(withoutSecrets(channel))
    assert.doesNotMatch(shown, /canary|whsec/)
    assert.match(shown, /"name":"C"/)
  })

  test(`an answer that repeats a secret of a ${channel.kind} channel is shown without it`, () => {
    const echoes = Object.values(channel).filter((value) => typeof value === 'string' && value.includes('canary'))
    assert.ok(echoes.length > 0)
    for (const echo of echoes) {
      const variants = [String(echo), encodeURIComponent(String(echo)), JSON.stringify({ echo })]
      for (const text of variants) assert.doesNotMatch(maskSecrets(text, secretsOf(channel)), /canary/, text)
    }
  })
}

test('a word as short as any is left where it is', () => {
  assert.equal(maskSecrets('no such user', ['no', '']), 'no such user')
})
