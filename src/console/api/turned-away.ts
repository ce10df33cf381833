/** Why no call at all is answered: nobody is signed in any more, or a second factor is demanded that is not set up yet. */
const turningAway = ['SIGN_IN_NEEDED', 'SECOND_FACTOR_NEEDED'] as const
export type TurnedAway = (typeof turningAway)[number]

type Listener = (because: TurnedAway) => void

const listeners = new Set<Listener>()

/** Told when a call is refused for one of these. Returns how to hear no more of it. */
export function onTurnedAway(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export function noteTurnedAway(code: string): void {
  const because = turningAway.find((known) => known === code)
  if (because) for (const listener of listeners) listener(because)
}
