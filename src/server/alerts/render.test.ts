import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conditionKinds, languages } from '#protocol'
import type { NewsEvent } from './message.ts'
import { describeCondition, formatHtml, formatText, putIntoWords } from './render.ts'
import { sumUp } from './sum-up.ts'
import { condition, noon, oneMessage, sender } from './testing.ts'

const events: readonly NewsEvent[] = ['new', 'again', 'escalated', 'worse', 'reminder', 'resolved', 'unwatched', 'open']

for (const language of languages) {
  test(`every kind of condition is said in full, in every event, in ${language}`, () => {
    for (const kind of conditionKinds) {
      for (const event of events) {
        const item = { event, severity: 'critical', condition: condition(kind) } as const
        const group = {
          count: 1000,
          names: [
            { name: 'A', client: null },
            { name: 'B', client: null },
          ],
          example: item,
          sameReason: true,
        }
        const { recipient } = oneMessage()
        const words = putIntoWords(
          oneMessage({ recipient: { ...recipient, language }, news: [item], groups: [group] }),
          sender,
        )
        for (const text of [words.subject, formatText(words), formatHtml(words)]) {
          assert.doesNotMatch(text, /undefined|NaN|null|\[object|Invalid|\{\w+\}|  |\.\./, `${kind} ${event}: ${text}`)
        }
      }
    }
  })

  test(`a condition that has no past is said in full, too, in ${language}`, () => {
    const never = {
      lastGood: null,
      lastRun: null,
      lastSeen: null,
      lastPassed: null,
      fullAt: null,
      reader: null,
      ended: true,
      runningSince: noon,
      ahead: 1,
    }
    for (const kind of conditionKinds) {
      const words = describeCondition(condition(kind, { facts: never }), {
        language,
        timeZone: 'Europe/Berlin',
        now: noon,
      })
      for (const text of Object.values(words))
        assert.doesNotMatch(text, /undefined|NaN|null|Invalid|  |\.\./, `${kind}: ${text}`)
    }
  })
}

test('a message reads like this', () => {
  assert.equal(
    `${formatText(putIntoWords(oneMessage(), sender))}\n`,
    `The backup "Daily" failed 3 times in a row: The storage does not answer. The last good backup is of Tue 4 Aug, 12:00.
Since Wed 5 Aug, 11:00.
What to do: Mend what the message names, then start the backup by hand. It is also tried again at its next time.

Open Understudy and take it on there: reminders then stop, and nobody else is called.
Understudy on backup, Wed 5 Aug, 12:00.
https://backup.example.com
`,
  )
})

test('dates are those of the reader, with the year when it is another', () => {
  const { recipient } = oneMessage()
  const words = (at: number) =>
    putIntoWords(oneMessage({ at, recipient: { ...recipient, language: 'de', timeZone: 'Europe/Berlin' } }), sender)
  assert.match(formatText(words(noon)), /Seit Mi\., 5\. Aug\., 13:00\./)
  assert.match(formatText(words(noon + 200 * 86_400_000)), /Seit Mi\., 5\. Aug\. 2026, 13:00\./)
})

test('the worst comes first, also before much of what is less bad', () => {
  const warning = { event: 'new', severity: 'warning', condition: condition('run_failed') } as const
  const alarm = {
    event: 'new',
    severity: 'critical',
    condition: condition('retention_held', { name: 'SRV2' }),
  } as const
  const over = {
    event: 'resolved',
    severity: 'critical',
    condition: condition('run_failed', { name: 'SRV3' }),
  } as const
  const words = putIntoWords(
    oneMessage({
      news: [over, alarm],
      groups: [{ count: 99, names: [{ name: 'A', client: null }], example: warning, sameReason: false }],
    }),
    sender,
  )
  assert.deepEqual(
    words.blocks.map(({ severity }) => severity),
    ['critical', 'warning', null],
  )
  assert.equal(words.subject, 'Urgent: SRV2: unusual change, old backups are held (and 2 more)')
})

test('the client is named for whoever hears of several', () => {
  const { recipient } = oneMessage()
  const { subject } = putIntoWords(oneMessage({ recipient: { ...recipient, namesClients: true } }), sender)
  assert.equal(subject, 'Urgent: SRV1 (Miller & Sons): backup failed')
})

test('names from outside are text in a page, and in one line', () => {
  const hostile = condition('run_failed', { name: '<b>"\'&\n\u202e' })
  const words = putIntoWords(oneMessage({ news: [{ event: 'new', severity: 'critical', condition: hostile }] }), sender)
  assert.equal(words.subject, 'Urgent: <b>"\'&\\u000a\\u202e: backup failed')
  const page = formatHtml(words)
  assert.ok(page.includes('&#60;b&#62;&#34;&#39;&#38;\\u000a\\u202e'))
  assert.ok(!page.includes('<b>'))
})

test('much of one kind is counted by machines, and the clients are named with them', () => {
  const other = { id: 'other', name: 'Other Ltd' }
  const failures = [1, 2, 3, 4, 5, 6, 7].map((count) =>
    condition('run_failed', { name: `PC${count}`, ...(count > 3 ? { client: other } : {}) }),
  )
  const second = { ...condition('run_failed', { name: 'PC1' }), key: 'another policy' }
  const checks = [1, 2, 3].map((count) => condition('proof_overdue', { name: `PC${count}` }))
  const trials = [1, 2, 3].map((count) => condition('proof_overdue', { name: `PC${count}`, facts: { proof: 'trial' } }))
  const news = [...failures, second, ...checks, ...trials].map(
    (about) => ({ event: 'new', severity: 'warning', condition: about }) as const,
  )
  const { recipient } = oneMessage()
  const words = putIntoWords(oneMessage({ recipient: { ...recipient, namesClients: true }, ...sumUp(news) }), sender)
  assert.deepEqual(
    words.blocks.map(({ heading, lines }) => [heading, lines[0]]),
    [
      [
        'Warning: 7 machines: backup failed',
        'PC1 (Miller & Sons), PC2 (Miller & Sons), PC3 (Miller & Sons), PC4 (Other Ltd), PC5 (Other Ltd) and 2 more.',
      ],
      ['Warning: 3 machines: check overdue', 'PC1 (Miller & Sons), PC2 (Miller & Sons), PC3 (Miller & Sons).'],
      ['Warning: 3 machines: trial restore overdue', 'PC1 (Miller & Sons), PC2 (Miller & Sons), PC3 (Miller & Sons).'],
    ],
  )
})
