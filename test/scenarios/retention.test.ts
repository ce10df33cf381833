import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { missing, peer } from '../helpers/peers.ts'
import { freePort } from '../helpers/rest-server.ts'
import { run, runOk, start } from '../helpers/run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'
import type { TempFolder } from '../helpers/temp.ts'

interface Operation {
  readonly id: string
  readonly state: string
  readonly code: string | null
  readonly reason: string | null
}

interface Stored {
  readonly id: string
  readonly state: string
  readonly suspectBecause: string | null
}

/** A server, and a machine whose repository stock restic works with. */
class Office implements AsyncDisposable {
  readonly folder: TempFolder
  readonly #serving: Serving
  token = ''
  client = ''
  repository = ''
  env: Record<string, string> = {}

  private constructor(folder: TempFolder, serving: Serving) {
    this.folder = folder
    this.#serving = serving
  }

  static async open(keep: object): Promise<Office> {
    const folder = await tempFolder()
    const office = new Office(folder, await serve(folder.join('server'), await freePort()))
    await setUpOwner(office.#serving)
    office.token = await ownerToken(office.#serving)
    office.client = (await office.ask<{ id: string }>('/api/clients', { name: 'Bakery' })).id
    const enrolment = `/api/clients/${office.client}/enrolment-lines`
    const { line } = await office.ask<{ line: string }>(enrolment, {})
    await runOk(process.execPath, [mainModule, 'agent', 'enroll', '--data', folder.join('agent'), line])
    const [machine] = await office.ask<{ id: string }[]>('/api/machines')
    await office.ask(`/api/machines/${machine?.id}/approve`, {})
    await mkdir(folder.join('files'))
    const policy = {
      name: 'Files',
      what: { include: [folder.join('files')] },
      when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
      keep,
      to: { repository: 'own' },
    }
    await office.#makeRepository()
    const { id } = await office.ask<{ id: string }>(`/api/clients/${office.client}/policies`, policy)
    await office.ask(`/api/machines/${machine?.id}/policies`, { policies: [id] }, 'PUT')
    return office
  }

  async #makeRepository(): Promise<void> {
    const { folder } = this
    const args = [mainModule, 'agent', 'run', '--json', '--data', folder.join('agent')]
    await using agent = start(process.execPath, args, { timeout: 60_000 })
    await agent.printed(/has its repository/)
    agent.kill('SIGTERM')
    await agent.result
    const text = readFileSync(folder.join('agent', 'repository.json'), 'utf8')
    const known = JSON.parse(text) as Record<'url' | 'user' | 'secret' | 'password' | 'repositoryId', string>
    const url = new URL(known.url)
    url.username = known.user
    url.password = known.secret
    this.repository = known.repositoryId
    this.env = {
      RESTIC_REPOSITORY: `rest:${url.href}`,
      RESTIC_PASSWORD: known.password,
      RESTIC_CACHE_DIR: folder.join('cache'),
    }
  }

  async ask<Answer>(path: string, body?: object, method?: string): Promise<Answer> {
    const about = { token: this.token, ...(body && { body }), ...(method !== undefined && { method }) }
    const { status, json } = await callApi(this.#serving.origin, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json as Answer
  }

  /** Orders something for the repository, and waits until it is over. */
  async order(verb: string, body: object = {}): Promise<Operation> {
    const { id } = await this.ask<Operation>(`/api/repositories/${this.repository}/${verb}`, body)
    for (let tries = 0; tries < 600; tries++) {
      const operation = await this.ask<Operation>(`/api/operations/${id}`)
      if (operation.state !== 'waiting' && operation.state !== 'running') return operation
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return assert.fail(`${verb} never ended`)
  }

  async snapshots(): Promise<Stored[]> {
    return await this.ask<Stored[]>(`/api/repositories/${this.repository}/snapshots`)
  }

  async restic(...args: readonly string[]): Promise<string> {
    return await runOk(peer('restic'), [...args, '--retry-lock', '1m'], { env: this.env })
  }

  async backUp(content: string): Promise<void> {
    writeFileSync(this.folder.join('files', 'note.txt'), content)
    await this.restic('backup', '--force', this.folder.join('files'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving[Symbol.asyncDispose]()
    await this.folder[Symbol.asyncDispose]()
  }
}

test(
  'the server thins out while stock restic backs up, puts back what it removed, and removes nothing after an attack',
  { skip: missing('restic') },
  async () => {
    await using office = await Office.open({ last: 3 })
    writeFileSync(office.folder.join('files', 'large'), randomBytes(2 << 20))
    for (const content of ['one', 'two', 'three', 'four']) await office.backUp(content)

    // A backup begins while the server removes: one waits for the other, and nothing is lost.
    writeFileSync(office.folder.join('files', 'larger'), randomBytes(8 << 20))
    const [thinned] = await Promise.all([office.order('retention'), office.backUp('five')])
    assert.equal(thinned.state, 'done', `${thinned.code} ${thinned.reason}`)
    const again = await office.order('retention')
    assert.equal(again.state, 'done', `${again.code} ${again.reason}`)
    const all = await office.snapshots()
    assert.deepEqual(
      all.map(({ state }) => state),
      ['removed', 'removed', 'received', 'received', 'received'],
    )
    await office.restic('check', '--read-data')
    const removal = await run(peer('restic'), ['forget', all[4]?.id ?? ''], { env: office.env })
    assert.notEqual(removal.code, 0, 'a machine removes nothing')

    const [first] = all
    const back = await office.order('put-back', { snapshot: first?.id ?? '' })
    assert.equal(back.state, 'done', `${back.code} ${back.reason}`)
    await office.restic('restore', first?.id ?? '', '--target', office.folder.join('back'))
    assert.equal(readFileSync(office.folder.join('back', office.folder.join('files', 'note.txt')), 'utf8'), 'one')
    assert.equal((await office.order('ledger-check')).state, 'done')

    await office.ask(`/api/clients/${office.client}/attacked`, {})
    const stopped = await office.order('retention')
    assert.deepEqual([stopped.state, stopped.code], ['cancelled', 'DELETION_STOPPED'])
    await office.backUp('six')
    const after = await office.snapshots()
    assert.deepEqual(
      after.map(({ state, suspectBecause }) => [state, suspectBecause !== null]),
      [
        ['put-back', false],
        ['removed', false],
        ['received', false],
        ['received', false],
        ['received', false],
        ['received', true],
      ],
    )
    await office.restic('check', '--read-data')
  },
)
