import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Sealer } from '../secrets/sealer.ts'

/**
 * What a machine keeps for its server: of which epoch it was, and how far the ledger of the machine's repository. The server has
 * put its own mark under it, so that a machine can show what was so, and cannot say what never was.
 */
export interface Receipt {
  readonly machineId: string
  readonly epoch: number
  /** Undefined: the machine had no repository. */
  readonly ledger: { readonly repositoryId: string; readonly seq: number; readonly hash: string } | undefined
}

export function formatReceipt(sealer: Sealer, receipt: Receipt): string {
  const text = textOf(receipt)
  return `${text}.${markOf(sealer, receipt.machineId, text)}`
}

const pattern = /^(\d{1,15})(?:\.([0-9a-f-]{36})\.(\d{1,15})\.([0-9a-f]{64}))?$/

/** Undefined: it is none that this server has given to the machine. */
export function parseReceipt(sealer: Sealer, machineId: string, given: string): Receipt | undefined {
  const end = given.lastIndexOf('.')
  const [text, mark] = [given.slice(0, end), given.slice(end + 1)]
  const [, epoch, repositoryId, seq, hash] = pattern.exec(text) ?? []
  if (epoch === undefined || !isSame(mark, markOf(sealer, machineId, text))) return undefined
  const isOfLedger = repositoryId !== undefined && seq !== undefined && hash !== undefined
  const ledger = isOfLedger ? { repositoryId, seq: Number(seq), hash } : undefined
  return { machineId, epoch: Number(epoch), ledger }
}

function textOf({ epoch, ledger }: Receipt): string {
  return ledger ? [epoch, ledger.repositoryId, ledger.seq, ledger.hash].join('.') : String(epoch)
}

function markOf(sealer: Sealer, machineId: string, text: string): string {
  return createHmac('sha256', sealer.derive('receipts')).update(`${machineId}\n${text}`).digest('hex')
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
