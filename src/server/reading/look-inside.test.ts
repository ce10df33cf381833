import assert from 'node:assert/strict'
import { globSync, truncateSync } from 'node:fs'
import { test } from 'node:test'
import type { Role } from '#protocol'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { StoredMachine } from '../../../test/helpers/stored-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { until } from '../../../test/helpers/until.ts'

const reason = 'the owner asked for it'

interface Looker {
  readonly ask: (path: string, body?: unknown) => ReturnType<TestServer['call']>
}

/** Somebody of the machine's client, below a recovery point. */
async function looker(
  server: TestServer,
  office: StoredMachine,
  snapshot: string,
  role: Role = 'owner',
): Promise<Looker> {
  const headers = await server.tokenOf(await server.person({ [office.client]: role }))
  const at = `/api/machines/${office.machine}/snapshots/${snapshot}`
  const ask: Looker['ask'] = async (path, body) =>
    await server.call(body === undefined ? 'GET' : 'POST', at + path, { headers, ...(body !== undefined && { body }) })
  return { ask }
}

async function audited({ services }: TestServer) {
  const entries = await services.store.db.selectFrom('audit').select(['what', 'details']).orderBy('seq').execute()
  return entries.map(({ what, details }) => ({ what, details: JSON.parse(details) as Record<string, unknown> }))
}

const codeOf = ({ json }: { readonly json: unknown }) => (json as { code?: string }).code

test('who may restore sees names, folder by folder and page by page', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const id = await office.backUp({ 'a/one.txt': Buffer.from('1'), 'a/two.txt': Buffer.from('22'), b: Buffer.from('') })
  const { ask } = await looker(server, office, id, 'restore-only')
  type Listed = {
    entries: { name: string; type: string; size: number; rawPath: string; rawName: string }[]
    next: string
  }
  const root = (await ask('/files')).json as Listed
  assert.deepEqual(
    root.entries.map(({ name, type, size }) => [name, type, size]),
    [
      ['a', 'folder', null],
      ['b', 'file', 0],
    ],
  )
  const first = (await ask(`/files?rawPath=${root.entries[0]?.rawPath}&limit=1`)).json as Listed
  assert.deepEqual([first.entries[0]?.name, first.next], ['one.txt', first.entries[0]?.rawName])
  const second = (await ask(`/files?path=/a/&limit=1&after=${first.next}`)).json as Listed
  assert.deepEqual([second.entries[0]?.name, second.next], ['two.txt', null])
  assert.equal(Buffer.from(second.entries[0]?.rawPath ?? '', 'base64url').toString(), '/a/two.txt')
  const nowhere = await ask('/files?path=/c')
  assert.deepEqual([nowhere.status, codeOf(nowhere)], [404, 'SUBFOLDER_NOT_FOUND'])
})

test('a name that is no text is shown as well as can be, and its file had by the bytes of its path', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const named = Buffer.from([0xff, 0x2e, 0x74, 0x78, 0x74])
  const id = await office.backUp({ 'a.txt': Buffer.from('odd') }, { rename: named })
  const { ask } = await looker(server, office, id)
  const [entry] = ((await ask('/files')).json as { entries: { name: string; rawPath: string }[] }).entries
  assert.equal(entry?.name, '\ufffd.txt')
  const { json } = await ask('/preview', { rawPath: entry.rawPath, reason })
  assert.deepEqual((json as { preview: { pages: string[] } }).preview.pages, ['odd'])
})

test('somebody who goes away in the middle of a download ends it, and it is written down as not whole', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const pieces = Array.from({ length: 48 }, (_, i) => Buffer.alloc(1 << 20, i))
  const id = await office.backUp({ 'large.bin': pieces })
  const port = await freePort()
  await using _ = await server.listen(port)
  const headers = await server.tokenOf(await server.person({ [office.client]: 'owner' }))
  const url = `http://127.0.0.1:${port}/api/machines/${office.machine}/snapshots/${id}/download`
  const ask = async () =>
    await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/large.bin', reason }),
    })
  const ends = async () => (await audited(server)).filter(({ what }) => what === 'content.download.end')
  for (let round = 1; round <= 5; round++) {
    const reader = (await ask()).body?.getReader()
    assert.ok(((await reader?.read())?.value?.length ?? 0) > 0)
    await reader?.cancel()
    await until(async () => (await ends()).length === round)
  }
  for (const { details } of await ends()) {
    assert.equal(details['isWhole'], false)
    assert.ok((details['bytes'] as number) < 48 << 20)
  }
  assert.equal((await (await ask()).bytes()).length, 48 << 20)
})

test('content is for who may read, with a reason; both stand in the audit log before anything is shown', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const id = await office.backUp({ 'mail.txt': Buffer.from('dear Anna') })
  const operator = await looker(server, office, id, 'operator')
  for (const door of ['/preview', '/comparison', '/download']) {
    assert.equal(codeOf(await operator.ask(door, { path: '/mail.txt', reason, older: id })), 'RIGHT_MISSING')
  }
  const { ask } = await looker(server, office, id)
  for (const body of [{ path: '/mail.txt' }, { path: '/mail.txt', reason: '   ' }]) {
    assert.equal(codeOf(await ask('/preview', body)), 'INPUT_INVALID')
  }
  assert.deepEqual(await audited(server), [])
  const { json } = await ask('/preview', { path: '/mail.txt', reason })
  assert.deepEqual((json as { preview: { pages: string[] } }).preview.pages, ['dear Anna'])
  const about = { machine: office.machine, snapshot: id, path: '/mail.txt', reason }
  assert.deepEqual(await audited(server), [{ what: 'content.preview', details: about }])
  await server.services.store.db.schema.dropTable('audit').execute()
  assert.equal((await ask('/download', { path: '/mail.txt', reason })).text.includes('dear Anna'), false)
})

test('versions are compared line by line; what is the same is said to be', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const older = await office.backUp({ 'list.txt': Buffer.from('a\nb\n') })
  const newer = await office.backUp({ 'list.txt': Buffer.from('a\nc\n') }, { time: '2026-02-01T00:00:00Z' })
  const { ask } = await looker(server, office, newer)
  type Compared = { isSame: boolean; comparison: { runs: { change: string; lines: string[] }[] } }
  const compared = (await ask('/comparison', { path: 'list.txt', older, reason })).json as Compared
  assert.deepEqual(
    compared.comparison.runs.map(({ change, lines }) => [change, ...lines]),
    [
      ['same', 'a'],
      ['removed', 'b'],
      ['added', 'c'],
    ],
  )
  assert.equal(compared.isSame, false)
  assert.equal(((await ask('/comparison', { path: 'list.txt', older: newer, reason })).json as Compared).isSame, true)
})

test('an image comes beside its preview, and never as a page of this origin; a folder has no preview', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
  const id = await office.backUp({ 'folder/dot.gif': gif })
  const { ask } = await looker(server, office, id)
  const { json } = await ask('/preview', { path: '/folder/dot.gif', reason })
  const { preview, image } = json as { preview: { contentType: string }; image: string }
  assert.deepEqual([preview.contentType, image], ['image/gif', gif.toString('base64')])
  assert.equal(codeOf(await ask('/preview', { path: '/folder', reason })), 'READING_NO_FILE')
  const gone = await ask('/preview', { path: '/nowhere', reason })
  assert.deepEqual([gone.status, codeOf(gone)], [404, 'DUMP_NOT_FOUND'])
})

test('a download is a file to be kept, whatever it is; of a folder, an archive', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const page = Buffer.from('<script>alert(1)</script>')
  const id = await office.backUp({ 'site/Ännä "1".html': page, 'site/b.txt': Buffer.from('b') })
  const headers = await server.tokenOf(await server.person({ [office.client]: 'owner' }))
  const url = `/api/machines/${office.machine}/snapshots/${id}/download`
  const ask = async (body: object) =>
    await server.app.inject({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      payload: JSON.stringify({ reason, ...body }),
    })
  const file = await ask({ path: '/site/Ännä "1".html' })
  assert.deepEqual(file.rawPayload, page)
  assert.equal(file.headers['content-type'], 'application/octet-stream')
  assert.equal(file.headers['content-length'], String(page.length))
  assert.equal(file.headers['x-content-type-options'], 'nosniff')
  assert.equal(file.headers['content-security-policy'], "default-src 'none'; sandbox")
  assert.equal(
    file.headers['content-disposition'],
    `attachment; filename="_nn_ _1_.html"; filename*=UTF-8''%C3%84nn%C3%A4%20%221%22.html`,
  )
  const folder = await ask({ path: '/site', format: 'tar' })
  assert.match(String(folder.headers['content-disposition']), /filename="site\.tar"/)
  assert.deepEqual([folder.rawPayload.length % 512, folder.rawPayload.includes('site/b.txt')], [0, true])
  const whole = await ask({})
  assert.equal(whole.rawPayload.subarray(0, 2).toString(), 'PK')
  const ends = (await audited(server)).filter(({ what }) => what === 'content.download.end')
  assert.deepEqual(
    ends.map(({ details }) => [details['path'], details['bytes'], details['isWhole']]),
    [
      ['/site/Ännä "1".html', page.length, true],
      ['/site', folder.rawPayload.length, true],
      ['', whole.rawPayload.length, true],
    ],
  )
})

test('what cannot be read is an answer that says so, and no file that begins well; who comes after it is served', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const id = await office.backUp({ 'a.txt': Buffer.from('a') })
  const { ask } = await looker(server, office, id)
  assert.equal((await ask('/files')).status, 200)
  for (const pack of globSync('data/*/*', { cwd: office.folder })) truncateSync(`${office.folder}/${pack}`, 10)
  for (let tries = 0; tries < 6; tries++) {
    const { status, json } = await ask('/download', { path: '/a.txt', reason })
    assert.deepEqual([status, codeOf({ json })], [400, 'DUMP_STOPPED'])
  }
})

test('only so many downloads run at once', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const id = await office.backUp({ 'a.txt': Buffer.from('a') })
  const { ask } = await looker(server, office, id)
  const { downloads } = server.services.reading
  {
    using _first = downloads.take()
    using _second = downloads.take()
    using _third = downloads.take()
    using _fourth = downloads.take()
    const refused = await ask('/download', { path: '/a.txt', reason })
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'READING_BUSY'])
  }
  assert.equal((await server.app.inject('/api/health/live')).statusCode, 200)
})

test('what came since a repository was opened is seen, and what is no recovery point is not found', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const first = await looker(server, office, await office.backUp({ 'a.txt': Buffer.from('a') }))
  assert.equal((await first.ask('/preview', { path: '/a.txt', reason })).status, 200)
  const id = await office.backUp({ 'b.txt': Buffer.from('b') }, { time: '2026-02-01T00:00:00Z' })
  const second = await looker(server, office, id)
  assert.equal((await second.ask('/preview', { path: '/b.txt', reason })).status, 200)
  for (const name of ['x', 'f'.repeat(64), '..%2F..%2Fconfig']) {
    assert.equal(codeOf(await (await looker(server, office, name)).ask('/files')), 'NOT_FOUND')
  }
})
