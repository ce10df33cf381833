import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { HttpCalls } from '../helpers/http-calls.ts'
import { missing, peer } from '../helpers/peers.ts'
import { missingPostgres, startPostgres } from '../helpers/postgres.ts'
import { freePort } from '../helpers/rest-server.ts'
import { runOk } from '../helpers/run.ts'
import { startS3Server } from '../helpers/s3-server.ts'
import { ownerToken, serveIn, setUpOwner } from '../helpers/serving.ts'
import { SimulatedMachine } from '../helpers/simulated-machine.ts'
import { tempFolder } from '../helpers/temp.ts'

/** Two nodes of one server side by side: control data in PostgreSQL, repositories in a bucket, nothing that one has alone. */

const skip = missingPostgres() || missing('rclone-s3') || missing('restic')

test(
  'two nodes with PostgreSQL and a bucket are one server: what is begun at one goes on at the other',
  { skip },
  async () => {
    await using postgres = await startPostgres()
    await using s3 = await startS3Server('rclone')
    await using folder = await tempFolder()
    mkdirSync(`${s3.folder}/backups`)
    const ports = [await freePort(), await freePort()] as const
    const database = await postgres.createDatabase('control')
    const storage = `s3:http://127.0.0.1:${s3.port}/backups`
    const flags = ['--database', database, '--storage', storage, '--origin', `http://127.0.0.1:${ports[0]}`]
    await using one = await serveIn(s3.env, folder.join('one'), ports[0], ...flags)
    // The key that opens the secrets is all that a further node needs of the first.
    mkdirSync(folder.join('two'), { mode: 0o700 })
    cpSync(folder.join('one', 'sealing.key'), folder.join('two', 'sealing.key'), { preserveTimestamps: true })
    await using two = await serveIn(s3.env, folder.join('two'), ports[1], ...flags)
    const nodes = [`http://127.0.0.1:${ports[0]}`, `http://127.0.0.1:${ports[1]}`] as const

    await setUpOwner(two) // of the links the last one that was printed works
    const token = await ownerToken(one)
    const person = { authorization: `Bearer ${token}` }
    using calls = new HttpCalls(nodes[1])
    using others = new HttpCalls(nodes[0])
    const { id } = (await calls.ask('POST', '/api/clients', person, { name: 'Bakery' })) as { id: string }
    const made = await others.ask('POST', `/api/clients/${id}/enrolment-lines`, person, {})
    const secret = (made as { line: string }).line.split('#')[1] ?? ''
    const machine = new SimulatedMachine(calls)
    await machine.enrol(secret, token, { initialised: false })

    // Stock restic takes a lock at one node and gives it back at the other.
    const source = folder.join('source')
    mkdirSync(source)
    writeFileSync(`${source}/file`, 'of the first day')
    const restic = async (node: string, ...args: readonly string[]) =>
      await runOk(peer('restic'), ['--no-cache', ...args], {
        env: { RESTIC_REPOSITORY: machine.locationAt(node), RESTIC_PASSWORD: 'x'.repeat(32) },
      })
    await restic(nodes[0], 'init')
    await restic(nodes[1], 'backup', source)
    const lock = await machine.takeLock()
    await machine.giveBackLock(lock, others)
    writeFileSync(`${source}/file`, 'of the second day')
    await restic(nodes[0], 'backup', source)
    await restic(nodes[1], 'restore', 'latest', '--target', folder.join('restored'))
    assert.equal(readFileSync(folder.join('restored', source, 'file'), 'utf8'), 'of the second day')
    await restic(nodes[0], 'check', '--read-data')
    one.command.kill('SIGKILL')
    await restic(nodes[1], 'backup', source)
    const snapshots = JSON.parse(await restic(nodes[1], 'snapshots', '--json')) as unknown[]
    assert.equal(snapshots.length, 3)
  },
)
