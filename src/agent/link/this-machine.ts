import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/**
 * What tells a machine from a copy of it. A copied disk brings the agent's folder with its key along, and then two agents work
 * as one machine; the hardware under it, or the number that the system was given when it was set up, is another one there.
 *
 * Only digests are kept: the system's number is not meant for others (machine-id(5)).
 */
export const machineMarksSchema = z.object({
  /** Of the hardware, or of the virtual machine. */
  hardware: z.string().exactOptional(),
  /** Of the installed system. */
  system: z.string().exactOptional(),
})
export type MachineMarks = z.output<typeof machineMarksSchema>

/** The first that can be read counts. The number of a PC's board can be read by root only. */
const places: Readonly<Record<keyof MachineMarks, readonly string[]>> = {
  hardware: ['/sys/class/dmi/id/product_uuid', '/sys/firmware/devicetree/base/serial-number'],
  system: ['/etc/machine-id', '/var/lib/dbus/machine-id'],
}

/** Numbers that makers of boards did not fill in, and one that many of them share. */
const noNumber = /^(.)\1*$|^uninitialized$|^03000200040005000006000700080009$/
const shortest = 8

/** What the system tells; empty where it tells nothing. `root`: the folder that stands for `/`. */
export async function readMachineMarks(root = ''): Promise<MachineMarks> {
  const [hardware, system] = [await readFirst(root, places.hardware), await readFirst(root, places.system)]
  return { ...(hardware !== undefined && { hardware }), ...(system !== undefined && { system }) }
}

async function readFirst(root: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(root + path, 'latin1').catch(() => '')
    const number = text.replaceAll('\0', '').trim().toLowerCase()
    if (number.length < shortest || noNumber.test(number.replaceAll('-', ''))) continue
    return createHash('sha256').update(`understudy-machine-1\n${number}`).digest('hex')
  }
  return undefined
}

/**
 * Whether this is another machine than the one that was known. The hardware decides where both tell it: some systems have a new
 * number at each start. What only one of them tells says nothing.
 */
export function isOtherMachine(known: MachineMarks, here: MachineMarks): boolean {
  if (known.hardware !== undefined && here.hardware !== undefined) return known.hardware !== here.hardware
  return known.system !== undefined && here.system !== undefined && known.system !== here.system
}
