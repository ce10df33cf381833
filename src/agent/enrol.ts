import { hostname, networkInterfaces, release } from 'node:os'
import { systemClock } from '#base'
import { enrolmentText, idSchema, machineStateSchema } from '#protocol'
import { z } from 'zod'
import { becomeAnew, stagedFolder } from './enrol-anew.ts'
import { AgentError } from './errors.ts'
import { parseEnrolmentLine } from './link/enrolment-line.ts'
import { fetchCertificate, ServerLink } from './link/server-link.ts'
import type { LinkOptions } from './link/server-link.ts'
import { readMachineMarks } from './link/this-machine.ts'
import type { AgentFolder } from './state.ts'

const enrolledAnswer = z.object({
  machineId: idSchema,
  state: machineStateSchema,
  isReplacement: z.boolean().default(false),
})

export interface EnrolOptions extends LinkOptions {
  /** The server is not told the password of the repository. */
  readonly keepPassword?: boolean | undefined
  /** The machine is known already, and is to be another one: it is a copy, or has other hardware, or another server. */
  readonly anew?: boolean | undefined
}

export interface EnrolledMachine {
  readonly machineId: string
  readonly origin: string
  readonly isApproved: boolean
  /** Where the server is not told: the password by which everything can be read, to be written down. */
  readonly password?: string | undefined
  /** Where what the machine was before is kept. */
  readonly before?: string | undefined
}

/**
 * Makes this machine known to the server of an enrolment line: certificate → key → enrol → remember. Interrupted at any
 * step, the same line can be given again.
 * Throws `AGENT_ALREADY_ENROLLED`, `ENROLMENT_LINE_MALFORMED`, `SERVER_UNREACHABLE`, `SERVER_NOT_KNOWN`, `SERVER_REFUSED`.
 */
export async function enrol(
  folder: AgentFolder,
  line: string,
  { anew = false, ...options }: EnrolOptions,
): Promise<EnrolledMachine> {
  const known = await folder.findEnrolled()
  if (known && !anew) throw new AgentError('AGENT_ALREADY_ENROLLED', { origin: known.origin })
  if (!anew) return await enrolInto(folder, line, options)
  const enrolled = await enrolInto(stagedFolder(folder), line, options)
  const before = await becomeAnew(folder, (options.clock ?? systemClock).now())
  return { ...enrolled, before }
}

async function enrolInto(
  folder: AgentFolder,
  line: string,
  { keepPassword = false, ...options }: Omit<EnrolOptions, 'anew'>,
): Promise<EnrolledMachine> {
  const { origin, secret, fingerprint } = parseEnrolmentLine(line)
  const certificate = fingerprint === undefined ? undefined : await fetchCertificate(origin, fingerprint)
  const key = await folder.key()
  const link = new ServerLink({ origin, certificate }, options)
  const proof = key.sign(enrolmentText(secret))
  const body = { secret, publicKey: key.publicKey, proof, about: aboutThisMachine(options.version) }
  const { machineId, state, isReplacement } = await link.post('/api/enrol', body, { answer: enrolledAnswer })
  const trust = certificate === undefined ? {} : { certificate }
  // Of the machine whose place it takes the password is on paper: one that is made up here would open nothing.
  const password = keepPassword && !isReplacement ? await folder.repositoryPassword() : undefined
  await folder.writeEnrolled({
    machineId,
    origin,
    isReplacement,
    marks: await readMachineMarks(),
    ...trust,
    ...(keepPassword && { keepsPassword: true }),
  })
  return { machineId, origin, isApproved: state === 'approved', password }
}

export function aboutThisMachine(agentVersion: string) {
  return { hostname: hostname(), platform: process.platform, release: release(), agentVersion, addresses: addresses() }
}

/** As many as the server takes; what only the machine itself reaches is left out. */
function addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? [])
  return all.flatMap(({ address, internal, scopeid = 0 }) => (internal || scopeid > 0 ? [] : [address])).slice(0, 64)
}
