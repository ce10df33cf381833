import { hostname, networkInterfaces, release } from 'node:os'
import { enrolmentText, idSchema, machineStateSchema } from '#protocol'
import { z } from 'zod'
import { AgentError } from './errors.ts'
import { parseEnrolmentLine } from './link/enrolment-line.ts'
import { fetchCertificate, ServerLink } from './link/server-link.ts'
import type { LinkOptions } from './link/server-link.ts'
import type { AgentFolder } from './state.ts'

const enrolledAnswer = z.object({
  machineId: idSchema,
  state: machineStateSchema,
  isReplacement: z.boolean().default(false),
})

export type EnrolOptions = LinkOptions

/**
 * Makes this machine known to the server of an enrolment line: certificate → key → enrol → remember. Interrupted at any
 * step, the same line can be given again. Returns whether the machine has to wait for approval.
 * Throws `AGENT_ALREADY_ENROLLED`, `ENROLMENT_LINE_MALFORMED`, `SERVER_UNREACHABLE`, `SERVER_NOT_KNOWN`, `SERVER_REFUSED`.
 */
export async function enrol(
  folder: AgentFolder,
  line: string,
  options: EnrolOptions,
): Promise<{ readonly machineId: string; readonly origin: string; readonly isApproved: boolean }> {
  const known = await folder.findEnrolled()
  if (known) throw new AgentError('AGENT_ALREADY_ENROLLED', { origin: known.origin, folder: folder.path })
  const { origin, secret, fingerprint } = parseEnrolmentLine(line)
  const certificate = fingerprint === undefined ? undefined : await fetchCertificate(origin, fingerprint)
  const key = await folder.key()
  const link = new ServerLink({ origin, certificate }, options)
  const proof = key.sign(enrolmentText(secret))
  const body = { secret, publicKey: key.publicKey, proof, about: aboutThisMachine(options.version) }
  const { machineId, state, isReplacement } = await link.post('/api/enrol', body, { answer: enrolledAnswer })
  const trust = certificate === undefined ? {} : { certificate }
  await folder.writeEnrolled({ machineId, origin, isReplacement, ...trust })
  return { machineId, origin, isApproved: state === 'approved' }
}

export function aboutThisMachine(agentVersion: string) {
  return { hostname: hostname(), platform: process.platform, release: release(), agentVersion, addresses: addresses() }
}

/** As many as the server takes; what only the machine itself reaches is left out. */
function addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? [])
  return all.flatMap(({ address, internal, scopeid = 0 }) => (internal || scopeid > 0 ? [] : [address])).slice(0, 64)
}
