import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#base'
import { restoreOrderSchema } from '#protocol'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import { approveRestore, waitingRestores } from '../restore/waiting.ts'
import { AgentFolder } from '../state.ts'
import type { AgentWork } from './job.ts'
import { restoreJob } from './restore.ts'

const operationId = '6a4f6d0e-0d3c-4a53-9f0e-6f2c8c0f1b2d'
const own = '11111111-1111-4111-8111-111111111111'
const others = '22222222-2222-4222-8222-222222222222'
const snapshotId = 'a'.repeat(64)
const day = 86_400_000

/** A machine whose program only notes how it was called. */
class Scene implements AsyncDisposable {
  readonly folder: TempFolder
  readonly agent: AgentFolder
  isOwn = true
  password: string | null = 'of the other repository'
  now = Date.parse('2026-11-23T12:00:00Z')
  readonly ending = new AbortController()

  private constructor(folder: TempFolder) {
    this.folder = folder
    this.agent = new AgentFolder(folder.join('agent'))
  }

  static async open(): Promise<Scene> {
    const scene = new Scene(await tempFolder())
    mkdirSync(scene.agent.path, { mode: 0o700 })
    mkdirSync(scene.folder.join('data'))
    const items = JSON.stringify({ message_type: 'verbose_status', item: '/x' })
    const summary = JSON.stringify({ message_type: 'summary', files_restored: 1, bytes_restored: 5 })
    const note = `require('fs').appendFileSync(${JSON.stringify(scene.folder.join('calls'))}, JSON.stringify(process.argv.slice(2)) + '\\n')`
    writeFileSync(
      scene.folder.join('program.cjs'),
      `${note}\nconsole.log(${JSON.stringify(items)})\nconsole.log(${JSON.stringify(summary)})`,
    )
    return scene
  }

  allow(...lines: readonly string[]): void {
    writeFileSync(join(this.agent.path, 'allowed-restores'), lines.join('\n'))
  }

  async order(changes: object) {
    const usual = { snapshotId, paths: [this.folder.join('data', 'x')], to: { how: 'in place' } }
    const order = restoreOrderSchema.parse({ otherwise: 'wait', withOwners: false, ...usual, ...changes })
    const work: AgentWork = {
      folder: this.agent,
      program: { command: [process.execPath, this.folder.join('program.cjs')] },
      repository: { repositoryId: own, url: 'http://localhost/repo/', user: 'u', secret: 's', password: 'own' },
      flags: () => Promise.resolve([]),
      certificateFile: undefined,
      policies: [],
      devices: [],
      hooksFolder: '/nowhere',
      rclone: undefined,
      tell: () => Promise.reject(new Error('nothing is measured')),
      look: () => Promise.reject(new Error('nobody looks')),
      now: this.now,
      signal: this.ending.signal,
      report: () => undefined,
      sign: () => Promise.reject(new Error('nothing is signed')),
      operationId,
      isOwn: () => Promise.resolve(this.isOwn),
      readAccess: () =>
        Promise.resolve({
          repositoryId: others,
          url: 'http://localhost/other/',
          user: 'u',
          secret: 's',
          password: this.password,
        }),
      clock: systemClock,
    }
    return await restoreJob.run(order, work)
  }

  /** The arguments of each call of the program. */
  get calls(): string[][] {
    const path = this.folder.join('calls')
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]()
  }
}

function valueOf(args: readonly string[] | undefined, flag: string): string | undefined {
  return args?.[args.indexOf(flag) + 1]
}

test('in place the program gets the allowed folder as its target, and nothing above it', async () => {
  await using scene = await Scene.open()
  const data = scene.folder.join('data')
  scene.allow('# comment', '', `${data}/`)
  assert.equal((await scene.order({})).state, 'done')
  const [call] = scene.calls
  assert.deepEqual(
    [valueOf(call, '--target'), valueOf(call, '--include'), call?.at(-1)],
    [data, '/x', `${snapshotId}:${data}`],
  )
  assert.equal(call?.includes('--foreign'), false)
})

test('a server that lies gets nothing done: paths outside, snapshots of another key, another repository', async () => {
  await using scene = await Scene.open()
  scene.allow(scene.folder.join('data'))
  const outside = { paths: ['/etc/cron.d/evil'] }
  for (const order of [outside, { ...outside, to: { how: 'new folder', below: '/etc' } }, { repositoryId: others }]) {
    assert.equal((await scene.order(order)).state, 'set aside', JSON.stringify(order))
    await scene.agent.writeWaiting([])
  }
  scene.isOwn = false
  assert.equal((await scene.order({})).state, 'set aside')
  assert.deepEqual(scene.calls, [])
})

test('a yes is for the order as it was shown, and for once', async () => {
  await using scene = await Scene.open()
  const file = scene.folder.join('data', 'x')
  await scene.order({ paths: [file] })
  assert.deepEqual(
    (await waitingRestores(scene.agent)).map(({ order }) => order.paths),
    [[file]],
  )
  await approveRestore(scene.agent, operationId)
  const tricked = await scene.order({ paths: ['/etc/passwd'] })
  assert.equal('code' in tricked && tricked.code, 'RESTORE_ORDER_CHANGED', 'another order under the same id')
  assert.equal((await scene.order({ paths: [file] })).state, 'set aside', 'the yes went with the trick')
  await approveRestore(scene.agent, operationId)
  assert.equal((await scene.order({ paths: [file] })).state, 'done')
  assert.deepEqual([await waitingRestores(scene.agent), await scene.agent.listYes()], [[], []])
  assert.equal((await scene.order({ paths: [file] })).state, 'set aside')
})

test('what nobody says yes to within a week has failed', async () => {
  await using scene = await Scene.open()
  await scene.order({})
  scene.now += 8 * day
  const outcome = await scene.order({})
  assert.deepEqual([outcome.state, 'code' in outcome && outcome.code], ['failed', 'RESTORE_NOT_ALLOWED'])
  assert.deepEqual(await waitingRestores(scene.agent), [])
})

test('links are not followed: neither to the allowed folder, nor below it, nor in the place of the new folder', async () => {
  await using scene = await Scene.open()
  const [data, secret] = [scene.folder.join('data'), scene.folder.join('secret')]
  mkdirSync(join(secret, 'inner'), { recursive: true })
  scene.allow(data)
  symlinkSync(secret, join(data, 'link'))
  const refused = async (order: object) => {
    const outcome = await scene.order(order)
    assert.equal('code' in outcome && outcome.code, 'RESTORE_FOLDER_UNSAFE', JSON.stringify(outcome))
  }
  await refused({ paths: [join(data, 'link', 'x')] })
  await refused({ paths: [join(data, 'link', 'inner', 'x')] })
  mkdirSync(join(scene.agent.path, 'restores'))
  symlinkSync(secret, join(scene.agent.path, 'restores', `restored-${operationId}`))
  await refused({ to: { how: 'new folder' } })
  renameSync(data, scene.folder.join('moved'))
  symlinkSync(secret, data)
  await refused({})
  assert.deepEqual(scene.calls, [])
})

test(
  'folders that others could exchange are not restored into',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async () => {
    await using scene = await Scene.open()
    const data = scene.folder.join('data')
    scene.allow(data)
    chmodSync(scene.folder.path, 0o777)
    const outcome = await scene.order({})
    assert.equal('code' in outcome && outcome.code, 'RESTORE_FOLDER_UNSAFE')
    chmodSync(scene.folder.path, 0o700)
    chmodSync(data, 0o777)
    const below = await scene.order({ to: { how: 'new folder', below: data } })
    assert.equal('code' in below && below.code, 'RESTORE_FOLDER_UNSAFE')
    assert.deepEqual(scene.calls, [])
  },
)

test('a list of allowed folders that others may write, or that is not plain, is not believed', async () => {
  await using scene = await Scene.open()
  for (const line of ['relative', '/a/../etc', '/a//b']) {
    scene.allow(line)
    const outcome = await scene.order({})
    assert.equal('code' in outcome && outcome.code, 'ALLOWED_RESTORES_UNSAFE', line)
  }
  scene.allow(scene.folder.join('data'))
  chmodSync(join(scene.agent.path, 'allowed-restores'), 0o666)
  const outcome = await scene.order({})
  assert.equal('code' in outcome && outcome.code, 'ALLOWED_RESTORES_UNSAFE')
})

test('the credential of another machine’s repository is not kept, and a password that the server does not have is asked for here', async () => {
  await using scene = await Scene.open()
  const order = { repositoryId: others, to: { how: 'new folder' }, paths: ['/x'] }
  assert.equal((await scene.order(order)).state, 'done')
  const [call] = scene.calls
  assert.ok(call?.includes('--foreign'), 'no owners and devices from another machine')
  assert.match(valueOf(call, '--repository-file') ?? '', /other-repository\.location$/)
  assert.equal(existsSync(valueOf(call, '--repository-file') ?? ''), false)
  scene.password = null
  assert.equal((await scene.order(order)).state, 'set aside')
  await assert.rejects(approveRestore(scene.agent, operationId), /a password that the server does not have/)
  await approveRestore(scene.agent, operationId, { password: 'typed' })
  assert.equal((await scene.order(order)).state, 'done')
  assert.equal(existsSync(join(scene.agent.path, 'other-repository.password')), false)
})

test('names with the signs of patterns mean themselves', async () => {
  await using scene = await Scene.open()
  const data = scene.folder.join('data')
  scene.allow(data)
  await scene.order({ paths: [join(data, '*[x]?\\')] })
  assert.equal(valueOf(scene.calls[0], '--include'), '/\\*\\[x\\]\\?\\\\')
})
