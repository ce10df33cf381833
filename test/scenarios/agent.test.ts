import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { missing, peer } from '../helpers/peers.ts'
import { run, runOk } from '../helpers/run.ts'

test(
  'a machine is enrolled, follows a policy, and its backup comes back by stock restic',
  { skip: missing('restic') },
  async () => {
    await using business = await Business.open()
    const { folder } = business
    await mkdir(folder.join('files'))
    writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
    const policy = await business.policy(folder.join('files'))
    business.startAgent()
    await business.until('the machine is ready', () => Promise.resolve(business.agentSaid.includes('its repository')))
    await business.ask(`/api/machines/${business.machine}/backup`, { policy })
    const backups = async () => (await business.operations()).filter(({ kind }) => kind === 'backup')
    await business.until('a backup is done', async () => (await backups()).some(({ state }) => state === 'done'))
    const snapshotId = snapshotOf((await backups())[0] as Operation)
    await business.stopAgent()

    const repository = JSON.parse(readFileSync(folder.join('agent', 'repository.json'), 'utf8')) as Record<
      string,
      string
    >
    const url = new URL(repository['url'] ?? '')
    url.username = repository['user'] ?? ''
    url.password = repository['secret'] ?? ''
    const env = { RESTIC_REPOSITORY: `rest:${url.href}`, RESTIC_PASSWORD: repository['password'] }
    await runOk(peer('restic'), ['restore', snapshotId, '--target', folder.join('back'), '--no-cache'], { env })
    assert.equal(readFileSync(folder.join('back', folder.join('files', 'bill.txt')), 'utf8'), 'forty-two')
    const removal = await run(peer('restic'), ['forget', snapshotId, '--no-cache'], { env })
    assert.notEqual(removal.code, 0, 'a machine removes nothing')
  },
)
