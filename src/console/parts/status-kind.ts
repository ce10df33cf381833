/** How something is: colour, sign and word together, for colour alone is not seen by everybody. */
export type StatusKind = 'good' | 'bad' | 'look' | 'unknown'
