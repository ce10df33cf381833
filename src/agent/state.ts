import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import {
  backupPolicySchema,
  discoverySchema,
  idSchema,
  readDeviceSchema,
  repositoryAccessSchema,
  restoreOrderSchema,
  signedSnapshotSchema,
} from '#protocol'
import { z } from 'zod'
import { lastDumpSchema, serverPlanSchema } from './databases/dump-order.ts'
import { AgentError } from './errors.ts'
import { MachineKey } from './link/machine-key.ts'
import { machineMarksSchema } from './link/this-machine.ts'

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
  /** It takes the place of a machine that was lost, and goes on with that one's repository. */
  isReplacement: z.boolean().optional(),
  /** The password of the repository is nobody's but the machine's: the server is not told. */
  keepsPassword: z.boolean().optional(),
  /** Of the machine that was enrolled: the agent of a copy of it does not work. */
  marks: machineMarksSchema.optional(),
})

const knownServerSchema = z.object({
  /** The highest that was seen. */
  epoch: z.int(),
  /** The server's own; given back to it. */
  receipt: z.string(),
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

const devicesSchema = z.array(
  readDeviceSchema.extend({
    /** When each of its policies came into force here, milliseconds since 1970. */
    since: z.record(idSchema, z.number()),
  }),
)

/** By the policy's id; for a device its own id before it. */
const runsSchema = z.record(
  z.string(),
  z.object({
    lastStarted: z.number(),
    lastFinished: z.number().optional(),
    /** How often in a row it failed. */
    failures: z.int().default(0),
  }),
)

const pendingSchema = z.array(z.object({ path: z.string(), body: z.unknown() }))

const waitingSchema = z.array(
  z.object({
    operationId: idSchema,
    order: restoreOrderSchema,
    /** A clause. */
    because: z.string(),
    /** The server does not have the password of the repository. */
    needsPassword: z.boolean(),
    /** Milliseconds since 1970. */
    since: z.number(),
  }),
)

/** What somebody on the machine agreed to: the digest of the order as it was shown. */
const yesSchema = z.object({ digest: z.string(), password: z.string().optional() })
const lookSchema = z.object({
  /** Stands for the volumes that were there. */
  volumes: z.string(),
  discovery: discoverySchema,
})

const dumpsSchema = z.record(
  idSchema,
  z.object({
    /** The last snapshot of dumps. */
    snapshotId: z.string().exactOptional(),
    /** The last good dump of each database. */
    last: z.array(lastDumpSchema),
    /** When they were loaded last, to try them. */
    triedAt: z.number().exactOptional(),
  }),
)

const firstCopySchema = z.object({
  /** The policies of which it has the first backup: their planned runs wait for its arrival. */
  policies: z.array(idSchema),
  /** What must arrive; empty: it is still being written. */
  snapshots: z.array(z.string()),
  /** Milliseconds since 1970. */
  since: z.number(),
})

const databaseServerSchema = serverPlanSchema.omit({ databases: true })

export type KnownServerState = z.output<typeof knownServerSchema>
export type Enrolled = z.output<typeof enrolledSchema>
export type OwnRepository = z.output<typeof repositorySchema>
export type FollowedPolicy = z.output<typeof policiesSchema>[number]
export type FollowedDevice = z.output<typeof devicesSchema>[number]
export type Runs = z.output<typeof runsSchema>
/** A first copy that travels by disk. */
export type TravellingCopy = z.output<typeof firstCopySchema>
/** What is known of the dumps by each policy. */
export type Dumps = z.output<typeof dumpsSchema>
/** A database server of this machine, and how it is reached. */
export type DatabaseServer = z.output<typeof databaseServerSchema>
export type LastLook = z.output<typeof lookSchema>
/** A word to the server that has not been heard yet. */
export type Pending = z.output<typeof pendingSchema>[number]
/** A restore that somebody on the machine has to agree to. */
export type WaitingRestore = z.output<typeof waitingSchema>[number]
export type Yes = z.output<typeof yesSchema>

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

  async readKnownServer(): Promise<KnownServerState | undefined> {
    return await this.#read('known-server.json', knownServerSchema)
  }

  async writeKnownServer(known: KnownServerState): Promise<void> {
    await this.#write('known-server.json', known)
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

  /** What the server is told of it: nothing, where the client keeps it. */
  async passwordToTell(): Promise<{ readonly password?: string }> {
    const { keepsPassword = false } = (await this.findEnrolled()) ?? {}
    return keepsPassword ? {} : { password: await this.repositoryPassword() }
  }

  /** Takes over the password of a repository that is there already. One that the machine has is not replaced. */
  async takeOverPassword(password: string): Promise<void> {
    await this.#makeOnce('repository.secret', () => password)
  }

  async hasRepositoryPassword(): Promise<boolean> {
    return (await this.#readText('repository.secret')) !== undefined
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

  /** The devices beside this machine that its agent reads, with the secrets by which it is let in. */
  async readDevices(): Promise<readonly FollowedDevice[]> {
    return (await this.#read('devices.json', devicesSchema)) ?? []
  }

  async writeDevices(devices: readonly FollowedDevice[]): Promise<void> {
    await this.#write('devices.json', devices)
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

  /** What was found on the machine last; one that cannot be read is none: another look is cheap. */
  async readLook(): Promise<LastLook | undefined> {
    return await this.#read('look.json', lookSchema).catch((thrown: unknown) => {
      if (hasCode(thrown, 'AGENT_STATE_DAMAGED')) return undefined
      throw thrown
    })
  }

  async writeLook(look: LastLook): Promise<void> {
    await this.#write('look.json', look)
  }

  async readDumps(): Promise<Dumps> {
    return (await this.#read('dumps.json', dumpsSchema)) ?? {}
  }

  async writeDumps(dumps: Dumps): Promise<void> {
    await this.#write('dumps.json', dumps)
  }

  /** The first copy that travels by disk; undefined: none does. */
  async readFirstCopy(): Promise<TravellingCopy | undefined> {
    return await this.#read('first-copy.json', firstCopySchema)
  }

  async writeFirstCopy(copy: TravellingCopy): Promise<void> {
    await this.#write('first-copy.json', copy)
  }

  async removeFirstCopy(): Promise<void> {
    await rm(join(this.path, 'first-copy.json'), { force: true })
  }

  /**
   * The database servers, as somebody on this machine has written them into `database-servers.json`; none: those of the
   * system, over their local sockets. Addresses and passwords of databases are the machine's own matter.
   */
  async readDatabaseServers(): Promise<readonly DatabaseServer[]> {
    return (await this.#read('database-servers.json', z.array(databaseServerSchema))) ?? []
  }

  /** The machine's own list of snapshots that it made: what is restored in place must stand here. */
  async appendSigned(signed: SignedSnapshot): Promise<void> {
    await using file = await open(join(this.path, 'snapshots.jsonl'), 'a', 0o600)
    await file.appendFile(`${JSON.stringify(signed)}\n`)
    await file.sync()
  }

  /** Every entry of that list; what is no entry (a line that a crash cut off) is none. */
  async readSigned(): Promise<readonly SignedSnapshot[]> {
    const text = (await this.#readText('snapshots.jsonl')) ?? ''
    return text.split('\n').flatMap((line) => {
      const read = signedSnapshotSchema.safeParse(parseJson(line))
      return read.success ? [read.data] : []
    })
  }

  async readWaiting(): Promise<readonly WaitingRestore[]> {
    return (await this.#read('waiting.json', waitingSchema)) ?? []
  }

  async writeWaiting(waiting: readonly WaitingRestore[]): Promise<void> {
    await this.#write('waiting.json', waiting)
  }

  // One file each: another process writes it than the one that reads and removes it.
  async readYes(operationId: string): Promise<Yes | undefined> {
    return await this.#read(yesFile(operationId), yesSchema)
  }

  async writeYes(operationId: string, yes: Yes): Promise<void> {
    await this.#write(yesFile(operationId), yes)
  }

  /** The operations that somebody said yes to and that have not ended. */
  async listYes(): Promise<readonly string[]> {
    const names = await readdir(this.path)
    return names.flatMap((name) => /^yes-([0-9a-f-]{36})\.json$/.exec(name)?.[1] ?? [])
  }

  async removeYes(operationId: string): Promise<void> {
    await rm(join(this.path, yesFile(operationId)), { force: true })
  }

  async removeSecretFile(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true })
  }

  /** A file with a secret for a program that the agent starts; returns its path. */
  async writeSecretFile(name: string, text: string): Promise<string> {
    await this.#writeText(name, text)
    return join(this.path, name)
  }

  async #makeOnce(name: string, make: () => string): Promise<string> {
    const known = await this.#readText(name)
    if (known !== undefined) return known
    const made = make()
    await this.#writeText(name, made)
    return made
  }

  async #readText(name: string): Promise<string | undefined> {
    return await readFile(join(this.path, name), 'utf8').catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return undefined
      throw thrown
    })
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

function yesFile(operationId: string): string {
  return `yes-${operationId}.json`
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
