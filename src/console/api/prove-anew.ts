/**
 * What would destroy something or show a key asks once more who one is. A call that is refused for it waits here while the
 * person shows password and second factor; several that are refused together wait for one proof.
 */
type Asker = () => Promise<boolean>

let asker: Asker | undefined
let waiting: Promise<boolean> | undefined

/** Who asks the person: the dialog, as long as it is on the page. Returns how to take it off again. */
export function registerAsker(asks: Asker): () => void {
  asker = asks
  return () => {
    if (asker === asks) asker = undefined
  }
}

/** True when the person has shown it; false when nobody asks, or the person would rather not. */
export async function proveAnew(): Promise<boolean> {
  if (!asker) return false
  waiting ??= asker().finally(() => {
    waiting = undefined
  })
  return await waiting
}

/** The proof that somebody is asked for just now; undefined: nobody is. Between password and code nobody is signed in. */
export function proofUnderWay(): Promise<boolean> | undefined {
  return waiting
}
