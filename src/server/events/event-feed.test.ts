import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { KyselyPlugin } from 'kysely'
import { systemClock } from '#base'
import type { Clock } from '#base'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import type { OpenedStore } from '../../../test/helpers/stores.ts'
import { until } from '../../../test/helpers/until.ts'
import { EventFeed } from './event-feed.ts'
import type { EventFeedOptions, Fed } from './event-feed.ts'
import { noteEvents } from './note-events.ts'

function feedOn({ store }: OpenedStore, options: EventFeedOptions = {}): EventFeed {
  return new EventFeed(store.db, systemClock, { rhythm: 5, ...options })
}

/** Longer ago than what a new watcher is given again. */
const earlier = { ...systemClock, now: () => Date.now() - 60_000 }

async function note({ store }: OpenedStore, subjects: readonly string[], clock = systemClock): Promise<void> {
  const changes = subjects.map((subject) => ({ kind: 'machine' as const, subject, clientId: null }))
  await noteEvents(store.db, changes, clock)
}

/** Reads on until it is told to stop. */
class Watcher implements AsyncDisposable {
  readonly heard: string[] = []
  isOver = false
  readonly #ending = new AbortController()
  readonly #reading: Promise<void>

  constructor(feed: EventFeed, after?: number) {
    this.#reading = this.#read(feed.watch({ after, signal: this.#ending.signal }))
  }

  async #read(feed: AsyncIterable<Fed>): Promise<void> {
    for await (const fed of feed) this.heard.push('subject' in fed ? fed.subject : fed.kind)
    this.isOver = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#reading
  }
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(about('many watchers hear the same, in order, of what several nodes write'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    await note(opened, ['before'], earlier)
    const feed = feedOn(opened)
    await using watchers = new AsyncDisposableStack()
    const all = Array.from({ length: 20 }, () => watchers.use(new Watcher(feed)))
    await Promise.all(Array.from({ length: 40 }, async (_, number) => await note(opened, [String(number)])))
    await until(() => all.every(({ heard }) => heard.length === 40))
    const rows = await opened.store.db.selectFrom('events').select('subject').orderBy('seq').execute()
    const written = rows.map(({ subject }) => subject).slice(1)
    for (const { heard } of all) assert.deepEqual(heard, written)
  })

  test(about('who comes back hears what was missed, however much, and nothing twice'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const subjects = Array.from({ length: 3_000 }, (_, number) => String(number))
    await note(opened, subjects, earlier)
    const { seq } = await opened.store.db
      .selectFrom('events')
      .select('seq')
      .where('subject', '=', '99')
      .executeTakeFirstOrThrow()
    await using watcher = new Watcher(feedOn(opened), seq)
    await until(() => watcher.heard.length === 2_900)
    await note(opened, ['new'])
    await until(() => watcher.heard.length === 2_901)
    assert.deepEqual(watcher.heard, [...subjects.slice(100), 'new'])
  })

  test(
    about('who was away for too long, or is ahead of a database that was restored, is told to ask anew'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      await note(opened, ['a', 'b', 'c'], earlier)
      const newest = await opened.store.db
        .selectFrom('events')
        .select('seq')
        .orderBy('seq', 'desc')
        .executeTakeFirstOrThrow()
      await opened.store.db.deleteFrom('events').where('subject', '!=', 'c').execute()
      const feed = feedOn(opened)
      for (const after of [newest.seq - 2, newest.seq + 7]) {
        await using watcher = new Watcher(feed, after)
        await until(() => watcher.heard.length > 0)
        await note(opened, ['next'])
        await until(() => watcher.heard.includes('next'))
        assert.equal(watcher.heard[0], 'missed')
      }
      await using watcher = new Watcher(feed, newest.seq)
      await until(() => watcher.heard.includes('next'))
      assert.ok(!watcher.heard.includes('missed'))
    },
  )

  test(
    about('a feed that ends ends everybody’s watching, and whoever comes then may watch again'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const feed = feedOn(opened, { rhythm: 60_000 })
      await using watcher = new Watcher(feed)
      await sleep(20)
      await feed.end()
      await until(() => watcher.isOver)
      await using later = new Watcher(feedOn(opened))
      await note(opened, ['later'])
      await until(() => later.heard.length === 1)
    },
  )
}

const postgres = storeKinds.find(({ name }) => name === 'PostgreSQL')

test('what is committed later than what has a higher number is not passed over', { skip: postgres?.skip }, async () => {
  assert.ok(postgres)
  await using opened = await openMigrated(postgres)
  const { db } = opened.store
  await note(opened, ['first'], earlier)
  const feed = feedOn(opened)
  await using watcher = new Watcher(feed)
  await note(opened, ['second'])
  await until(() => watcher.heard.includes('second'))
  await db.transaction().execute(async (transaction) => {
    await noteEvents(transaction, [{ kind: 'machine', subject: 'slow', clientId: null }], systemClock)
    await note(opened, ['quick'])
    await sleep(100)
    assert.deepEqual(watcher.heard, ['second'])
  })
  await until(() => watcher.heard.length === 3)
  assert.deepEqual(watcher.heard, ['second', 'slow', 'quick'])
})

test('a number that was taken back holds up nobody for long', { skip: postgres?.skip }, async () => {
  assert.ok(postgres)
  await using opened = await openMigrated(postgres)
  await note(opened, ['first'], earlier)
  let passed = 0
  const waiting = { ...systemClock, monotonic: () => (passed += 1_000) }
  await using watcher = new Watcher(feedOn(opened, { waiting }))
  await note(opened, ['second'])
  await sql`select nextval(pg_get_serial_sequence('events', 'seq'))`.execute(opened.store.db)
  await note(opened, ['third'])
  await until(() => watcher.heard.length === 2)
  assert.deepEqual(watcher.heard, ['second', 'third'])
})

test('a watcher that hears nothing for a while is told that the stream lives', async () => {
  const [kind] = storeKinds
  assert.ok(kind)
  await using opened = await openMigrated(kind)
  await using watcher = new Watcher(feedOn(opened, { idleAfter: 5 }))
  await until(() => watcher.heard.length > 2)
  assert.deepEqual([...new Set(watcher.heard)], ['idle'])
})

test('a thousand watchers ask the database as often as one does', async () => {
  const [kind] = storeKinds
  assert.ok(kind)
  await using opened = await openMigrated(kind)
  await note(opened, ['before'], earlier)
  let asked = 0
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      asked++
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
  const askedAtSleep: number[] = []
  const waiting: Clock = {
    ...systemClock,
    sleep: async (milliseconds, options) => {
      if (milliseconds === 7) askedAtSleep.push(asked)
      await systemClock.sleep(milliseconds, options)
    },
  }
  const feed = new EventFeed(opened.store.db.withPlugin(counting), systemClock, { rhythm: 7, waiting })
  await using watchers = new AsyncDisposableStack()
  const all = Array.from({ length: 1_000 }, () => watchers.use(new Watcher(feed)))
  await note(opened, ['one'])
  await until(() => all.every(({ heard }) => heard.length === 1))
  await until(() => askedAtSleep.length > 5)
  assert.ok(asked < 2 * askedAtSleep.length + 5, `${asked} questions in ${askedAtSleep.length} rounds`)
})
