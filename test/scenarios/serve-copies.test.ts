import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { startS3Server } from '../helpers/s3-server.ts'

interface Destination {
  readonly id: string
  readonly copies: readonly { readonly snapshots: number; readonly isBehind: boolean; readonly reason: string | null }[]
}

interface Attempts {
  readonly attempts: readonly { readonly what: string; readonly refused: boolean }[]
}

test(
  'a backup is copied by itself to a folder and to S3; stock restic opens both when the server is gone; tampering is tried',
  { skip: missing('restic') || missing('rclone-s3') },
  async () => {
    await using s3 = await startS3Server('rclone')
    await using business = await Business.open()
    const { folder } = business
    await mkdir(folder.join('files'))
    await mkdir(folder.join('second'))
    writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
    const bucket = `s3:http://127.0.0.1:${s3.port}/copies/bakery`
    const path = `/api/clients/${business.client}/destinations`
    const keys = { accessKeyId: s3.env.AWS_ACCESS_KEY_ID, secretAccessKey: s3.env.AWS_SECRET_ACCESS_KEY }
    const made = [
      await business.ask<Destination>(path, {
        name: 'Cellar',
        kind: 'folder',
        location: folder.join('second'),
        place: { disk: 'sdb' },
      }),
      await business.ask<Destination>(path, {
        name: 'Cloud',
        kind: 's3',
        location: bucket,
        credentials: keys,
        lockDays: 30,
      }),
    ]
    for (const { id } of made) {
      const [tested] = await business.ask<{ works: boolean }[]>(`/api/destinations/${id}/test`, {})
      assert.equal(tested?.works, true, JSON.stringify(tested))
    }
    const copies = [{ repository: 'Cellar' }, { repository: 'Cloud' }]
    const policy = await business.policy({
      what: { include: [folder.join('files')] },
      to: { repository: 'own', copies },
    })
    business.startAgent()
    const snapshot = snapshotOf(await business.backUp(policy))
    await business.until('both copies are complete', async () =>
      (await business.ask<Destination[]>('/api/destinations')).every(
        ({ copies: [copy] }) => copy?.snapshots === 1 && !copy.isBehind,
      ),
    )
    const { id } = await business.ask<Operation>(`/api/machines/${business.machine}/tamper-test`, {})
    const own = ((await business.ended(id)).result as unknown as Attempts).attempts
    assert.deepEqual(
      own.map(({ what, refused }) => [what, refused]),
      [
        ['overwrite', true],
        ['delete', true],
      ],
    )
    const cloud = await business.ask<Operation>(`/api/destinations/${made[1]?.id}/tamper-test`, {})
    const there = ((await business.ended(cloud.id)).result as unknown as Attempts).attempts
    assert.ok(
      there.some(({ what, refused }) => what === 'delete' && !refused),
      'rclone has no object lock',
    )
    business.serving.command.kill('SIGKILL')

    const { repositoryId, password } = JSON.parse(readFileSync(folder.join('agent', 'repository.json'), 'utf8')) as {
      repositoryId: string
      password: string
    }
    for (const [name, location] of [
      ['cellar', folder.join('second')],
      ['cloud', bucket],
    ] as const) {
      const env = { RESTIC_REPOSITORY: `${location}/${repositoryId}`, RESTIC_PASSWORD: password, ...s3.env }
      const listed = JSON.parse(await runOk(peer('restic'), ['snapshots', '--json', '--no-cache'], { env })) as {
        original?: string
      }[]
      assert.equal(listed[0]?.original, snapshot)
      await runOk(peer('restic'), ['check', '--read-data', '--no-cache'], { env })
      await runOk(peer('restic'), ['restore', 'latest', '--no-cache', '--target', folder.join(name)], { env })
      assert.equal(readFileSync(folder.join(name, folder.join('files', 'bill.txt')), 'utf8'), 'forty-two')
    }
  },
)
