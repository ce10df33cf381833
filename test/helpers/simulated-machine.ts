import { repositoryAccessSchema, snapshotText } from '#protocol'
import { TestMachine } from './test-machine.ts'
import type { HttpCalls } from './http-calls.ts'
import { basic, initialise, postLock, removeLock, sendBackup } from './simulated-backup.ts'
import type { RepositoryDoor, SimulatedBackup } from './simulated-backup.ts'

/** A machine as its server sees it: it says hello, waits for jobs, and backs up; all by the calls that an agent makes. */
export class SimulatedMachine {
  readonly #calls: HttpCalls
  readonly #machine = new TestMachine()
  repositoryId = ''
  /** To its repository. */
  door: RepositoryDoor = { path: '', authorization: undefined }
  #backups = 0

  constructor(calls: HttpCalls) {
    this.#calls = calls
  }

  /** Enrolled, approved, with a repository, which may be left to somebody else to initialise. */
  async enrol(secret: string, token: string, { initialised = true } = {}): Promise<void> {
    const enrolled = await this.#calls.ask('POST', '/api/enrol', {}, this.#machine.enrolment(secret))
    this.#machine.id = (enrolled as { machineId: string }).machineId
    const authorization = `Bearer ${token}`
    await this.#calls.ask('POST', `/api/machines/${this.#machine.id}/approve`, { authorization })
    const granted = await this.#post('/api/machine/repository', { password: 'x'.repeat(32) })
    const { repositoryId, user, secret: password } = repositoryAccessSchema.parse(granted)
    this.repositoryId = repositoryId
    this.door = { path: `/repo/${repositoryId}/`, authorization: basic(user, password) }
    if (initialised) await initialise(this.#calls, this.door)
  }

  /** Its repository at a node of the server, for stock restic. */
  locationAt(origin: string): string {
    const url = new URL(this.door.path, origin)
    const [user = '', secret = ''] = Buffer.from((this.door.authorization ?? '').slice(6), 'base64')
      .toString()
      .split(':')
    url.username = user
    url.password = secret
    return `rest:${url.href}`
  }

  /** Takes a lock; returns its name. */
  async takeLock(): Promise<string> {
    return await postLock(this.#calls, this.door)
  }

  /** Gives a lock back, at whatever node. */
  async giveBackLock(name: string, at: HttpCalls): Promise<void> {
    await removeLock(at, this.door, name)
  }

  async sayHello(): Promise<void> {
    const about = { hostname: 'machine', platform: 'linux', release: '6', agentVersion: '0' }
    await this.#post('/api/machine/hello', { about, clock: Date.now(), follows: {} })
  }

  /** Waits for a job that nobody orders. */
  async waitForJob(): Promise<void> {
    await this.#post('/api/machine/operations/next', { kinds: ['backup'], wait: 20 })
  }

  /** Returns the id of its operation, when the server has said that all of it is kept. */
  async backUp(backup: SimulatedBackup): Promise<string> {
    const onceKey = `policy ${++this.#backups}`
    const startedAt = new Date().toISOString()
    const begun = await this.#post('/api/machine/operations', { kind: 'backup', onceKey, order: {}, startedAt })
    const { epoch, operation } = begun as { epoch: number; operation: { id: string } }
    await sendBackup(this.#calls, this.door, backup)
    const snapshotId = backup.snapshot.name
    const [repositoryId, path] = [this.repositoryId, `/api/machine/operations/${operation.id}`]
    await this.#post(`${path}/report`, { epoch, progress: { step: 'back up' } })
    const signature = this.#machine.sign(snapshotText({ repositoryId, snapshotId }))
    await this.#post('/api/machine/snapshots', { repositoryId, snapshotId, signature })
    await this.#post(`${path}/finish`, { epoch, outcome: { state: 'done', result: { snapshotId } } })
    return operation.id
  }

  async #post(path: string, body: object): Promise<unknown> {
    const { authorization } = this.#machine.header('POST', path, Date.now(), JSON.stringify(body))
    return await this.#calls.ask('POST', path, { authorization }, body)
  }
}
