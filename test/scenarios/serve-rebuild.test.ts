import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import { run } from '../helpers/run.ts'
import { mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'

interface Repository {
  readonly repositoryId: string
  readonly password: string
}

function repositoryOf({ folder }: Business): Repository {
  return JSON.parse(readFileSync(folder.join('agent', 'repository.json'), 'utf8')) as Repository
}

test('a server that is lost is rebuilt from its own backup: its machine goes on, and what came since is learned', async () => {
  await using business = await Business.open()
  const { folder, port } = business
  await mkdir(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  const policy = await business.policy(folder.join('files'))
  business.startAgent()
  const first = snapshotOf(await business.backUp(policy))
  const rebuild = await business.backUpServer()
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-three')
  const second = snapshotOf(await business.backUp(policy))
  await business.killServer()

  business.loseServerFolder()
  business.serving = await serve(folder.join('server'), port, ...rebuild)
  const { rebuilt } = JSON.parse(business.serving.command.output().stdout.split('\n')[0] ?? '') as { rebuilt: string[] }
  assert.ok(
    rebuilt.some((sentence) => sentence.includes(second.slice(0, 8))),
    rebuilt.join('\n'),
  )
  assert.ok(!rebuilt.some((sentence) => sentence.includes(first.slice(0, 8))))
  assert.equal(business.serving.ownerLink, undefined, 'the owner is known, and so is the token')
  assert.equal((await business.ask<unknown[]>('/api/machines')).length, 1)
  const third = snapshotOf(await business.backUp(policy))
  assert.match(third, /^[0-9a-f]{64}$/, 'the machine goes on without being touched')

  const again = await run(process.execPath, [mainModule, 'serve', '--data', folder.join('server'), ...rebuild])
  assert.match(again.stderr, /REBUILD_NOT_EMPTY/)
})

test('without its own backup a server learns from the repositories, and with a typed password whose they are', async () => {
  await using business = await Business.open()
  const { folder, port } = business
  await mkdir(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  const policy = await business.policy(folder.join('files'))
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  const { repositoryId, password } = repositoryOf(business)
  const hostname = (await business.ask<{ name: string }>(`/api/machines/${business.machine}`)).name
  await business.killServer()
  renameSync(folder.join('server', 'repositories'), folder.join('repositories'))
  rmSync(folder.join('server'), { recursive: true })

  business.serving = await serve(
    folder.join('server'),
    port,
    '--rebuild-from',
    folder.join('repositories'),
    '--without-own-backup',
  )
  const { rebuilt } = JSON.parse(business.serving.command.output().stdout.split('\n')[0] ?? '') as { rebuilt: string[] }
  assert.ok(rebuilt.includes(`${repositoryId}: 1 snapshots.`), rebuilt.join('\n'))
  assert.ok(rebuilt.some((sentence) => sentence.startsWith('Missing: people')))
  assert.equal(await setUpOwner(business.serving), 200)
  business.token = await ownerToken(business.serving)
  const path = `/api/repositories/${repositoryId}/password`
  assert.deepEqual(await business.ask(path, { password }), { hostnames: [hostname], snapshots: 1 })
  const machines = await business.ask<{ name: string }[]>('/api/machines')
  assert.deepEqual(
    machines.map(({ name }) => name),
    [hostname],
  )
  assert.ok(
    readdirSync(folder.join('repositories')).includes(repositoryId),
    'what was learned from stays where it lies',
  )
})
