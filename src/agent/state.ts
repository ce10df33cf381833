import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import { backupPolicySchema, idSchema, repositoryAccessSchema } from '#protocol'
import { z } from 'zod'
import { AgentError } from './errors.ts'
import { MachineKey } from './link/machine-key.ts'

export interface SignedSnapshot {
  readonly repositoryId: string
  readonly snapshotId: string
  /** Base64url. */
  readonly signature: string
}

/** What the agent keeps on the machine: who it is, whom it serves, what it is to do, and what it has not told yet. */

const enrolledSchema = z.object({
  machineId: idSchema,
  origin: z.string(),
  /** PEM. */
  certificate: z.string().optional(),
})

const repositorySchema = repositoryAccessSchema.extend({ password: z.string() })

const policiesSchema = z.array(
  z.object({
    id: idSchema,
    revision: z.int(),
    /** When it came into force here, milliseconds since 1970. */
    since: z.number(),
    policy: backupPolicySchema,
  }),
)

const runsSchema = z.record(
  idSchema,
  z.object({
    lastStarted: z.number(),
    lastFinished: z.number().optional(),
    /** How often in a row it failed. */
    failures: z.int().default(0),
  }),
)

const pendingSchema = z.array(z.object({ path: z.string(), body: z.unknown() }))

export type Enrolled = z.output<typeof enrolledSchema>
export type OwnRepository = z.output<typeof repositorySchema>
export type FollowedPolicy = z.output<typeof policiesSchema>[number]
export type Runs = z.output<typeof runsSchema>
/** A word to the server that has not been heard yet. */
export type Pending = z.output<typeof pendingSchema>[number]

/** The agent's folder, for its own user only. Every file is replaced whole, and is on the disk before it counts. */
export class AgentFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Throws `AGENT_NOT_ENROLLED`, `AGENT_STATE_DAMAGED`. */
  async readEnrolled(): Promise<Enrolled> {
    const enrolled = await this.findEnrolled()
    if (!enrolled) throw new AgentError('AGENT_NOT_ENROLLED', { folder: this.path })
    return enrolled
  }

  async findEnrolled(): Promise<Enrolled | undefined> {
    return await this.#read('server.json', enrolledSchema)
  }

  async writeEnrolled(enrolled: Enrolled): Promise<void> {
    await this.#write('server.json', enrolled)
  }

  /** The machine's key, made when there is none yet. */
  async key(): Promise<MachineKey> {
    return MachineKey.fromPem(await this.#makeOnce('machine.key', () => MachineKey.create().toPem()))
  }

  /**
   * The password of the machine's repository, made when there is none yet: it is on the disk before anything is sealed with
   * it, and the same whenever the making of the repository has to begin again.
   */
  async repositoryPassword(): Promise<string> {
    return await this.#makeOnce('repository.secret', () => randomBytes(24).toString('base64url'))
  }

  /** Known once the repository has been made. */
  async readRepository(): Promise<OwnRepository | undefined> {
    return await this.#read('repository.json', repositorySchema)
  }

  async writeRepository(repository: OwnRepository): Promise<void> {
    await this.#write('repository.json', repository)
  }

  async readPolicies(): Promise<readonly FollowedPolicy[]> {
    return (await this.#read('policies.json', policiesSchema)) ?? []
  }

  async writePolicies(policies: readonly FollowedPolicy[]): Promise<void> {
    await this.#write('policies.json', policies)
  }

  async readRuns(): Promise<Runs> {
    return (await this.#read('runs.json', runsSchema)) ?? {}
  }

  async writeRuns(runs: Runs): Promise<void> {
    await this.#write('runs.json', runs)
  }

  async readPending(): Promise<readonly Pending[]> {
    return (await this.#read('pending.json', pendingSchema)) ?? []
  }

  async writePending(pending: readonly Pending[]): Promise<void> {
    await this.#write('pending.json', pending)
  }

  /** The machine's own list of snapshots that it made: what is restored in place must stand here. */
  async appendSigned(signed: SignedSnapshot): Promise<void> {
    await using file = await open(join(this.path, 'snapshots.jsonl'), 'a', 0o600)
    await file.appendFile(`${JSON.stringify(signed)}\n`)
    await file.sync()
  }

  /** A file with a secret for a program that the agent starts; returns its path. */
  async writeSecretFile(name: string, text: string): Promise<string> {
    await this.#writeText(name, text)
    return join(this.path, name)
  }

  async #makeOnce(name: string, make: () => string): Promise<string> {
    const known = await readFile(join(this.path, name), 'utf8').catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return undefined
      throw thrown
    })
    if (known !== undefined) return known
    const made = make()
    await this.#writeText(name, made)
    return made
  }

  async #read<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    const path = join(this.path, name)
    try {
      return schema.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return undefined
      throw new AgentError('AGENT_STATE_DAMAGED', { path, reason: messageOf(cause), cause })
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await this.#writeText(name, `${JSON.stringify(value, null, 2)}\n`)
  }

  async #writeText(name: string, text: string): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    const path = join(this.path, name)
    {
      await using file = await open(`${path}.new`, 'w', 0o600)
      await file.writeFile(text)
      await file.sync()
    }
    await rename(`${path}.new`, path)
    await using folder = await open(this.path, 'r')
    await folder.sync().catch(() => undefined) // not every system can
  }
}
