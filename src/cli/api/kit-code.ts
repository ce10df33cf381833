import { kitConfirmationSchema } from '#protocol'
import { CallError } from './errors.ts'

/** Whoever goes on after a wrong code would take a kit for stored that is not. Throws `KIT_CODE_NOT_RIGHT`. */
export function refuseWrongCode(answer: unknown): void {
  const { result, reason } = kitConfirmationSchema.parse(answer)
  if (result === 'right') return
  const old = 'this is the code of an older kit'
  const wrong =
    reason === 'mistyped' ? 'no kit has such a code, so it was mistyped' : 'no kit of this client has this code'
  throw new CallError('KIT_CODE_NOT_RIGHT', { reason: result === 'old' ? old : wrong })
}
