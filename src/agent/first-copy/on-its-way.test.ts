import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { AgentFolder } from '../state.ts'
import { isOnItsWay } from './on-its-way.ts'

const day = 86_400_000
const [policy, snapshot, other] = [randomUUID(), 'a'.repeat(64), 'b'.repeat(64)]

async function ask(folder: AgentFolder, received: string[], now = 0, id: string = policy): Promise<boolean> {
  return await isOnItsWay(folder, id, { now, ask: async () => await Promise.resolve({ received }) })
}

test('planned backups wait for a disk that is on its way until all of it has arrived, and only those that it is of', async () => {
  await using temp = await tempFolder()
  const folder = new AgentFolder(temp.join('agent'))
  assert.equal(await ask(folder, []), false, 'nothing travels')
  await folder.writeFirstCopy({ policies: [policy], snapshots: [], since: 0 })
  assert.equal(await ask(folder, []), true, 'it is still being written')
  await folder.writeFirstCopy({ policies: [policy], snapshots: [snapshot, other], since: 0 })
  assert.equal(await ask(folder, [], 0, randomUUID()), false)
  assert.equal(await ask(folder, [snapshot]), true)
  assert.equal(await ask(folder, [snapshot, other]), false)
  assert.equal(await folder.readFirstCopy(), undefined)
})

test('a disk that was lost on its way keeps no machine from being backed up for longer than two weeks', async () => {
  await using temp = await tempFolder()
  const folder = new AgentFolder(temp.join('agent'))
  await folder.writeFirstCopy({ policies: [policy], snapshots: [snapshot], since: 0 })
  assert.equal(await ask(folder, [], 14 * day), true)
  assert.equal(await ask(folder, [], 14 * day + 1), false)
  assert.equal(await ask(folder, [], 0), false)
})
