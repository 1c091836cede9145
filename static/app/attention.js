import { useEffect, useState } from "./view.js";

const attentive = () => document.visibilityState === "visible" && document.hasFocus();

/** Whether somebody has the page in front of them. */
export function useAttention() {
  const [value, setValue] = useState(attentive);
  useEffect(() => {
    const look = () => setValue(attentive());
    addEventListener("focus", look);
    addEventListener("blur", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      removeEventListener("blur", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return value;
}
