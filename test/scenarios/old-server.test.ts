import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { serve } from '../helpers/serving.ts'

/** D10 of the failure cases: two states of one server, of which machines follow one. */

interface Standing {
  readonly epoch: number
  readonly superseded: object | null
}

test('a server that comes back beside the one that was rebuilt in its place is followed by nobody, until a person decides so', async () => {
  await using business = await Business.open()
  const { folder, port } = business
  await mkdir(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  const policy = await business.policy(folder.join('files'))
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  const rebuild = await business.backUpServer()
  await business.stopAgent()
  await business.killServer()
  // As somebody keeps a snapshot of the virtual machine.
  cpSync(folder.join('server'), folder.join('old'), { recursive: true })

  business.loseServerFolder()
  business.serving = await serve(folder.join('server'), port, ...rebuild)
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  await business.stopAgent()
  assert.deepEqual(await business.ask<Standing>('/api/server/standing'), { epoch: 2, superseded: null })
  await business.killServer()

  business.serving = await serve(folder.join('old'), port)
  business.startAgent()
  await business.until('the agent says that it does not follow', async () =>
    business.agentSaid.includes('is an older state of itself (epoch 1; this machine has seen 2)'),
  )
  assert.notEqual((await business.ask<Standing>('/api/server/standing')).superseded, null)
  const ordered = await business.ask<Operation>(`/api/machines/${business.machine}/backup`, { policy })
  await business.stopAgent()
  assert.equal((await business.ask<Operation>(`/api/operations/${ordered.id}`)).state, 'waiting')

  const { epoch } = await business.ask<Standing>('/api/server/take-over', {})
  assert.equal(epoch, 3)
  assert.equal((await business.ask<Operation>(`/api/operations/${ordered.id}`)).state, 'cancelled')
  business.startAgent()
  snapshotOf(await business.backUp(policy))
})
