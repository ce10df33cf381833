import { createReadStream } from 'node:fs'
import type { VerifiedAuditFile } from '#server'
import type { CliCommand } from '../command.ts'
import { valueFlag } from '../command.ts'
import { textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { plainMessage } from '../failure-text.ts'
import { CallError } from './errors.ts'

/** `audit verify --file`: a file of the audit log is verified here, without the server that wrote it. */

export function addAuditFileFlags(command: CliCommand): void {
  command.addOption(valueFlag('--file <file>', 'verify this file that "audit export" saved, without the server'))
  command.addOption(valueFlag('--head <hash>', 'with --file: the hash of an entry that you noted; it must be in it'))
}

/** Verifies the file that is named; false: none is. Throws `AUDIT_FILE_BROKEN`, `AUDIT_FILE_INVALID`. */
export async function verifyNamedFile(context: CommandContext, flags: CommandFlags): Promise<boolean> {
  const [path, known] = [textOf(flags, 'file'), textOf(flags, 'head')?.toLowerCase()]
  if (path === undefined) {
    if (known !== undefined) throw context.refuse('--head is for --file')
    return false
  }
  if (known !== undefined && !/^[0-9a-f]{64}$/.test(known)) throw context.refuse('--head takes 64 hexadecimal digits')
  const { verifyAuditFile } = await import('#server')
  const verified = await verifyAuditFile(linesOf(path, context), { known })
  show(context, verified)
  if (verified.fault) throw new CallError('AUDIT_FILE_BROKEN', { reason: reasonOf(verified) })
  return true
}

function show({ printer }: CommandContext, { after, entries, head, fault }: VerifiedAuditFile): void {
  if (printer.isJson) {
    printer.json({ message_type: 'audit_file', after, entries, seq: head.seq, hash: head.hash, fault: fault ?? null })
    return
  }
  const from = after === 0 ? '' : `, after entry ${after}`
  printer.result(`${entries} entries fit together${from}; entry ${head.seq} has the hash ${head.hash}`)
  if (fault) return
  printer.say('Note that hash where the server cannot change it: with --head it proves this log later.')
}

function reasonOf({ fault }: VerifiedAuditFile): string {
  if (fault?.kind === 'missing') return `entry ${fault.seq} is missing or not in its place`
  if (fault?.kind === 'changed') return `entry ${fault.seq} was changed, or one before it was taken out`
  if (fault?.kind === 'cut')
    return `it does not end as it says: entry ${fault.seq} and what follows is cut off or was added`
  return 'no entry in it has the hash that you know, so it is another log, or one that was written anew'
}

/** Bytes of a line at most: no entry is as long. */
const longest = 4 << 20

async function* linesOf(path: string, { signal }: CommandContext): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', signal }) as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
      if (rest.length > longest) throw new Error('a line is too long')
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw new CallError('AUDIT_FILE_UNREADABLE', { path, reason: plainMessage(cause), cause })
  }
  if (rest !== '') yield rest
}
