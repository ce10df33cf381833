import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BusinessOfMachines } from '../helpers/business.ts'
import type { Machine, SeenOperation } from '../helpers/business.ts'
import { missing } from '../helpers/peers.ts'
import { missingPostgres, startPostgres } from '../helpers/postgres.ts'
import { startS3Server } from '../helpers/s3-server.ts'

const skip = missingPostgres() || missing('rclone-s3')

test(
  'with PostgreSQL and a bucket instead of the defaults: a policy, backups, an old version back, checks, test restores timed, a lost machine on another',
  { skip },
  async () => {
    await using postgres = await startPostgres()
    await using s3 = await startS3Server('rclone')
    mkdirSync(join(s3.folder, 'backups'))
    const flags = ['--database', await postgres.createDatabase('control')]
    flags.push('--storage', `s3:http://127.0.0.1:${s3.port}/backups`)
    await using business = await BusinessOfMachines.open({ env: s3.env, flags })
    const files = business.folder.join('files')
    mkdirSync(files)
    const bill = join(files, 'bill.txt')
    for (let index = 0; index < 20; index++) writeFileSync(join(files, `${index}.txt`), `content ${index}`.repeat(900))
    writeFileSync(bill, 'forty-two')
    const till = await business.machine('till', { include: files })
    const first = await business.backUp(till)
    writeFileSync(bill, 'spoiled')
    const second = await business.backUp(till)
    assert.notEqual(first, second)
    const restored = async (machine: Machine, what: object) => {
      const { state, reason, result } = await business.over(await business.restore(machine, what))
      assert.equal(state, 'done', reason ?? '')
      return readFileSync(join(String(result?.['folder']), bill), 'utf8')
    }
    assert.equal(await restored(till, { snapshot: first }), 'forty-two')
    assert.equal(await restored(till, { snapshot: second }), 'spoiled')

    const prove = async (what: string, body: object) => {
      const { id } = await business.ask<SeenOperation>(`/api/machines/${till.id}/${what}`, body)
      const { state, reason } = await business.over(id)
      assert.equal(state, 'done', reason ?? '')
    }
    await prove('check', { read: 'everything' })
    await prove('test-restore', { where: 'machine', seed: 'story' })
    await prove('test-restore', { where: 'server', seed: 'story' })
    const evidence = await business.ask<{ measured: { seconds?: number } }[]>('/api/evidence?kind=restore')
    assert.ok(evidence.filter(({ measured }) => (measured.seconds ?? 0) > 0).length >= 2, JSON.stringify(evidence))

    const spare = await business.machine('spare')
    await till.stop()
    assert.equal(await restored(spare, { from: till.id }), 'spoiled')
    const inBucket = readdirSync(join(s3.folder, 'backups'), { recursive: true, encoding: 'utf8' })
    assert.ok(inBucket.some((name) => /snapshots\/[0-9a-f]{64}$/.test(name)))
    assert.ok(
      !readdirSync(business.folder.join('server')).includes('repositories'),
      'nothing of them lies at the server',
    )
  },
)
