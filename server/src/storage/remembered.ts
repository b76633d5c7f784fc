/** Makes a value for each key once, and gives it again afterwards: for keys that are few. */
export function remembered<Key, Value extends object | string>(
  make: (key: Key) => Value,
): (key: Key) => Value {
  const values = new Map<Key, Value>();
  return (key) => {
    const known = values.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    values.set(key, value);
    return value;
  };
}
